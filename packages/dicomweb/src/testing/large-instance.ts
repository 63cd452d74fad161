import { type DicomInstance, SopClass, TransferSyntax } from '@adit/core';
import { bytesOf } from './bytes.ts';

const MIB = 1024 * 1024;

/** Just below 2 GiB, the longest value of even length that 31 bits hold. */
export const PIXEL_BYTES = 2047 * MIB;

/** SOP Class and Instance UID, then one native pixel data element (explicit VR little endian). */
export function largeHeader(sopInstanceUid: string): Uint8Array {
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
    element('20000d00', '1.2'),
    element('20000e00', '1.2.1'),
    pixels,
  ]);
}

/** An instance of nearly 2 GiB, made as it is read. */
export function largeInstance(sopInstanceUid: string): DicomInstance {
  const header = largeHeader(sopInstanceUid);
  return {
    sopClassUid: SopClass.SecondaryCaptureImageStorage,
    sopInstanceUid,
    transferSyntaxUid: TransferSyntax.ExplicitVrLittleEndian,
    byteLength: header.length + PIXEL_BYTES,
    dataset: (async function* () {
      yield header;
      const pixels = new Uint8Array(65_536).fill(0x0d);
      for (let at = 0; at < PIXEL_BYTES; at += pixels.length) {
        yield pixels.subarray(0, Math.min(pixels.length, PIXEL_BYTES - at));
      }
    })(),
  };
}
