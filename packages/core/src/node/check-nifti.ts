import { createReadStream } from 'node:fs';
import { DicomError } from '../errors.ts';
import { nodeZlib } from './lazy-builtins.ts';

/** Of a NIfTI-1 header (nifti1.h). */
const HEADER_LENGTH = 348;

/**
 * Reads a compressed NIfTI-1 file to its end, and counts the slices in it. Throws `DAMAGED` when it is none or does not hold
 * the voxels its header tells of.
 */
export async function countSlices(path: string): Promise<number> {
  let header = Buffer.alloc(0);
  let length = 0;
  try {
    for await (const chunk of createReadStream(path).pipe(
      nodeZlib().createGunzip(),
    ) as AsyncIterable<Buffer>) {
      if (header.length < HEADER_LENGTH) header = Buffer.concat([header, chunk]).subarray(0, HEADER_LENGTH);
      length += chunk.length;
    }
  } catch (cause) {
    throw damaged(cause);
  }
  if (header.length < HEADER_LENGTH || header.toString('latin1', 344, 347) !== 'n+1') throw damaged();
  const little = header.readInt32LE(0) === HEADER_LENGTH;
  const int16 = (at: number) => (little ? header.readInt16LE(at) : header.readInt16BE(at));
  const float = (at: number) => (little ? header.readFloatLE(at) : header.readFloatBE(at));
  const dimensions = Array.from({ length: int16(40) }, (_, i) => int16(42 + 2 * i));
  const [columns = 0, rows = 0, ...others] = dimensions;
  const slices = others.reduce((product, size) => product * Math.max(1, size), 1);
  const voxels = columns * rows * slices * (int16(72) / 8);
  if (voxels <= 0 || length < float(108) + voxels) throw damaged();
  return slices;
}

function damaged(cause?: unknown): DicomError {
  return new DicomError('DAMAGED', 'The NIfTI file is not complete.', { cause });
}
