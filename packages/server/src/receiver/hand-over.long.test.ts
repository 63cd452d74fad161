import { once } from 'node:events';
import { connect } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { type DicomInstance, textOf } from '@adit/core';
import { syntheticInstance } from '@adit/core/synthetic';
import { createDimseSink, createReceiver } from '@adit/dimse';
import { pino } from 'pino';
import { expect, test } from 'vitest';
import { createSecrets } from '../runtime/secrets.ts';
import { claimRemotely } from './hand-over-client.ts';
import { startHandOver } from './hand-over-server.ts';
import { handOverClientTls } from './hand-over-tls.ts';

const host = '127.0.0.1';
const secrets = createSecrets(new Uint8Array(32).fill(7));
const logger = pino({ level: 'silent' });

test('an object above 4 GiB is handed over whole, in memory that stays small', {
  timeout: 300_000,
}, async () => {
  await using receiver = await createReceiver({ aeTitle: 'ADIT', host, port: 0 });
  await using handOver = await startHandOver({ receiver, host, port: 0, secrets, logger });
  const one = syntheticInstance({ kind: 'CT', rows: 64 });
  const total = 4 * 2 ** 30 + 256 * 1024;
  const piece = new Uint8Array(256 * 1024);
  const large: DicomInstance = {
    ...one,
    dataset: (async function* () {
      for (let sent = 0; sent < total; sent += piece.length) yield piece;
    })(),
  };
  let read = 0;
  let most = 0;
  const before = process.memoryUsage().rss;
  using claimed = await claimRemotely(
    { host, port: handOver.port },
    {
      ...{ callingAeTitle: 'ADIT', nodeAeTitle: 'PACS', messageId: 4711 },
      studyInstanceUid: textOf(one.attributes, 'StudyInstanceUID')!,
      async take({ dataset }) {
        for await (const chunk of dataset) {
          read += chunk.length;
          if (read % 2 ** 24 < chunk.length) most = Math.max(most, process.memoryUsage().rss);
        }
        return 0;
      },
    },
    secrets,
  );
  expect(claimed).toBeDefined();
  await using sink = createDimseSink(
    { aeTitle: 'ADIT', host, port: receiver.port },
    { moveOriginator: { aeTitle: 'ADIT', messageId: 4711 } },
  );
  expect(await sink.store(large)).toMatchObject({ state: 'stored', status: 0 });
  expect(read).toBe(total);
  expect(most - before).toBeLessThan(400 * 2 ** 20);
});

test('a connection that says nothing is closed, before its handshake and after it', {
  timeout: 60_000,
}, async () => {
  await using receiver = await createReceiver({ aeTitle: 'ADIT', host, port: 0 });
  await using handOver = await startHandOver({ receiver, host, port: 0, secrets, logger });
  const before = connect(handOver.port, host);
  const after = connectTls({ host, port: handOver.port, ...handOverClientTls(secrets) });
  for (const socket of [before, after]) socket.resume();
  await once(after, 'secureConnect');
  await Promise.all([once(before, 'close'), once(after, 'close')]);
});
