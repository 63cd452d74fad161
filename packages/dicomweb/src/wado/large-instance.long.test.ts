import { once } from 'node:events';
import { encodeFileMeta, SopClass, TransferSyntax } from '@adit/core';
import { expect, it } from 'vitest';
import { createDicomWebClient } from '../create-dicomweb-client.ts';
import { bytesOf } from '../testing/bytes.ts';
import { serve } from '../testing/http-server.ts';
import { largeHeader, PIXEL_BYTES } from '../testing/large-instance.ts';

const MIB = 1024 * 1024;

it('streams an instance of 2 GiB in constant memory, whatever the pace of its reader', async () => {
  const meta = {
    sopClassUid: SopClass.SecondaryCaptureImageStorage,
    sopInstanceUid: '1.2.3',
    transferSyntaxUid: TransferSyntax.ExplicitVrLittleEndian,
  };
  const pixels = Buffer.alloc(MIB, 0x0d);
  await using server = await serve(async (_request, response) => {
    response.writeHead(200, { 'content-type': 'multipart/related; type="application/dicom"; boundary=b' });
    response.write(Buffer.concat([bytesOf('--b\r\n\r\n'), encodeFileMeta(meta), largeHeader('1.2.3')]));
    for (let at = 0; at < PIXEL_BYTES; at += MIB) {
      if (!response.write(pixels)) await once(response, 'drain');
    }
    response.end('\r\n--b--\r\n');
  });
  await using client = createDicomWebClient({ url: server.url });
  const before = process.memoryUsage().rss;
  let peak = 0;
  let bytes = 0;
  let chunks = 0;
  for await (const instance of client.retrieve({ studyInstanceUid: '1.2' })) {
    for await (const chunk of instance.dataset) {
      bytes += chunk.length;
      chunks += 1;
      if (chunks % 1_000 === 0) {
        peak = Math.max(peak, process.memoryUsage().rss - before);
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    }
  }
  expect(bytes).toBe(largeHeader('1.2.3').length + PIXEL_BYTES);
  expect(peak / MIB).toBeLessThan(200);
});
