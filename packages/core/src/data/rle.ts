/** Size of the RLE header: a count and 15 offsets of 32 bits (PS3.5 §G.5). */
const HEADER_LENGTH = 64;

/**
 * Packs one row of one byte plane as RLE Lossless does (PS3.5 §G.3.1: each row for itself) and puts it behind what is in the
 * target. At worst it is one byte longer for each 128 bytes.
 *
 * @returns where it ends in the target
 */
export function packRleRow(
  source: Uint8Array,
  from: number,
  to: number,
  target: Uint8Array,
  start: number,
): number {
  let at = from;
  let end = start;
  while (at < to) {
    let run = 1;
    while (run < 128 && at + run < to && source[at + run] === source[at]) run++;
    if (run > 1) {
      target[end++] = 257 - run;
      target[end++] = source[at]!;
      at += run;
      continue;
    }
    // Literal bytes up to the next run of three, for a run of two costs as much as it saves.
    let length = 1;
    while (length < 128 && at + length < to) {
      const next = at + length;
      if (next + 2 < to && source[next] === source[next + 1] && source[next] === source[next + 2]) break;
      length++;
    }
    target[end++] = length - 1;
    target.set(source.subarray(at, at + length), end);
    end += length;
    at += length;
  }
  return end;
}

/**
 * Encodes one frame as RLE Lossless does (PS3.5 Annex G): one segment for each byte of each sample, the most significant
 * byte first.
 *
 * @param pixels rows of pixels, little endian, colour by pixel
 */
export function encodeRleFrame(
  pixels: Uint8Array,
  {
    columns,
    samplesPerPixel,
    bytesPerSample,
  }: { columns: number; samplesPerPixel: number; bytesPerSample: number },
): Uint8Array {
  const bytesPerPixel = samplesPerPixel * bytesPerSample;
  const count = pixels.length / bytesPerPixel;
  const rows = count / columns;
  const plane = new Uint8Array(count);
  // A packed row is at worst one byte longer for each 128 bytes; a segment may need one byte of padding.
  const longest = rows * (columns + Math.ceil(columns / 128)) + 1;
  const target = new Uint8Array(HEADER_LENGTH + longest * bytesPerPixel);
  const header = new DataView(target.buffer, 0, HEADER_LENGTH);
  header.setUint32(0, bytesPerPixel, true);

  let end = HEADER_LENGTH;
  for (let segment = 0; segment < bytesPerPixel; segment++) {
    const sample = Math.floor(segment / bytesPerSample);
    const byte = sample * bytesPerSample + (bytesPerSample - 1 - (segment % bytesPerSample));
    for (let i = 0, from = byte; i < count; i++, from += bytesPerPixel) plane[i] = pixels[from]!;

    header.setUint32(4 + 4 * segment, end, true);
    for (let row = 0; row < rows; row++) {
      end = packRleRow(plane, row * columns, (row + 1) * columns, target, end);
    }
    if (end % 2 !== 0) target[end++] = 0;
  }
  return target.subarray(0, end);
}
