import { once } from 'node:events';
import { encodeFileMeta, SopClass, TransferSyntax } from '@adit/core';
import { expect, it } from 'vitest';
import { createDicomWebClient } from '../create-dicomweb-client.ts';
import { bytesOf } from '../testing/bytes.ts';
import { serve } from '../testing/http-server.ts';

const MIB = 1024 * 1024;
/** Just below 2 GiB, the longest value of even length that 31 bits hold. */
const PIXEL_BYTES = 2047 * MIB;

/** SOP Class and Instance UID, then one native pixel data element (explicit VR little endian). */
function header(sopInstanceUid: string): Uint8Array {
  const pixels = Buffer.from('e07f10004f57000000000000', 'hex');
  pixels.writeUInt32LE(PIXEL_BYTES, 8);
  const element = (tag: string, value: string) => {
    // Tag, VR `UI`, length.
    const bytes = Buffer.from(`${tag}55490000`, 'hex');
    const padded = value.length % 2 ? `${value}\0` : value;
    bytes.writeUInt16LE(padded.length, 6);
    return Buffer.concat([bytes, bytesOf(padded)]);
  };
  return Buffer.concat([
    element('08001600', SopClass.SecondaryCaptureImageStorage),
    element('08001800', sopInstanceUid),
    pixels,
  ]);
}

it('streams an instance of 2 GiB in constant memory, whatever the pace of its reader', async () => {
  const meta = {
    sopClassUid: SopClass.SecondaryCaptureImageStorage,
    sopInstanceUid: '1.2.3',
    transferSyntaxUid: TransferSyntax.ExplicitVrLittleEndian,
  };
  const pixels = Buffer.alloc(MIB, 0x0d);
  await using server = await serve(async (_request, response) => {
    response.writeHead(200, { 'content-type': 'multipart/related; type="application/dicom"; boundary=b' });
    response.write(Buffer.concat([bytesOf('--b\r\n\r\n'), encodeFileMeta(meta), header('1.2.3')]));
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
  expect(bytes).toBe(header('1.2.3').length + PIXEL_BYTES);
  expect(peak / MIB).toBeLessThan(200);
});
