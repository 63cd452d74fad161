import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import type { Secrets } from '../runtime/secrets.ts';
import { echoNode } from './echo.ts';

test('a DICOMweb service that never answers is a result, too', { timeout: 60_000 }, async () => {
  const service = createServer(() => {}).listen(0, '127.0.0.1');
  await new Promise((resolve) => service.once('listening', resolve));
  const url = `http://127.0.0.1:${(service.address() as AddressInfo).port}/rs`;
  const node = { id: '1', name: 'Silent', source: true, destination: false, authorization: null };
  const result = await echoNode(
    { ...node, settings: { kind: 'dicomweb', url, maxTasks: 1 } },
    { secrets: {} as Secrets, callingAeTitle: 'ADIT', signal: new AbortController().signal },
  );
  expect(result).toMatchObject({ ok: false, message: expect.stringContaining('did not answer in time') });
  service.closeAllConnections();
  service.close();
});
