import { packRleRow } from '@adit/core';

/** Size of the header of a frame: a count and 15 offsets of 32 bits (PS3.5 §G.5). */
const headerLength = 64;

/**
 * Changes the byte planes of a frame in RLE Lossless (PS3.5 Annex G) and packs it again; undefined for a frame that is
 * damaged.
 *
 * @param planes how many there are: a byte of a sample each, the most significant one first
 * @param edit gets each plane, a byte a pixel
 */
export function editRleFrame(
  frame: Uint8Array,
  { rows, columns, planes }: { rows: number; columns: number; planes: number },
  edit: (plane: Uint8Array, index: number) => void,
): Uint8Array | undefined {
  const header = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  if (frame.length < headerLength || header.getUint32(0, true) !== planes) return undefined;
  const longest = rows * (columns + Math.ceil(columns / 128)) + 1;
  const target = new Uint8Array(headerLength + longest * planes);
  const targetHeader = new DataView(target.buffer);
  targetHeader.setUint32(0, planes, true);
  const plane = new Uint8Array(rows * columns);
  let end = headerLength;
  for (let index = 0; index < planes; index++) {
    const start = header.getUint32(4 + 4 * index, true);
    const stop = index + 1 < planes ? header.getUint32(8 + 4 * index, true) : frame.length;
    if (start < headerLength || stop > frame.length || start > stop) return undefined;
    if (!unpack(frame.subarray(start, stop), plane)) return undefined;
    edit(plane, index);
    targetHeader.setUint32(4 + 4 * index, end, true);
    for (let row = 0; row < rows; row++) {
      end = packRleRow(plane, row * columns, (row + 1) * columns, target, end);
    }
    if (end % 2 !== 0) target[end++] = 0;
  }
  return target.subarray(0, end);
}

/** Unpacks a segment (PS3.5 §G.3.2). Returns whether it fills the plane. */
function unpack(segment: Uint8Array, plane: Uint8Array): boolean {
  let at = 0;
  let filled = 0;
  while (filled < plane.length && at < segment.length) {
    const count = segment[at++]!;
    if (count < 128) {
      const literal = segment.subarray(at, at + Math.min(count + 1, plane.length - filled));
      plane.set(literal, filled);
      filled += literal.length;
      at += count + 1;
    } else if (count > 128) {
      const run = Math.min(257 - count, plane.length - filled);
      if (at >= segment.length) return false;
      plane.fill(segment[at++]!, filled, filled + run);
      filled += run;
    }
  }
  return filled === plane.length;
}
