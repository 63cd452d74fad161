import type { Tag } from '@adit/core';
import type { PixelFormat } from './pixel-format.ts';
import type { PixelHeader } from './pixel-header.ts';

/** Palettes of red, green and blue: descriptor and data (PS3.3 §C.7.6.3.1.5, §C.7.6.3.1.6). */
const palettes: readonly (readonly [Tag, Tag])[] = [
  [0x00281101, 0x00281201],
  [0x00281102, 0x00281202],
  [0x00281103, 0x00281203],
];

/** The samples of a black pixel, as stored; a sentence where nobody could say which they are. */
export function blackOf(format: PixelFormat, header: PixelHeader): readonly number[] | string {
  const { photometricInterpretation, bitsStored, signed, samplesPerPixel } = format;
  const [least, most] = signed
    ? [-(2 ** (bitsStored - 1)), 2 ** (bitsStored - 1) - 1]
    : [0, 2 ** bitsStored - 1];
  if (samplesPerPixel === 1) {
    switch (photometricInterpretation) {
      case 'MONOCHROME2':
        return [least];
      case 'MONOCHROME1':
        return [most];
      case 'PALETTE COLOR':
        return (
          blackOfPalette(header) ??
          'Its palette cannot be read, so that nobody knows which of its colours is black.'
        );
    }
  } else {
    const middle = 2 ** (bitsStored - 1);
    switch (photometricInterpretation) {
      case 'RGB':
        return [0, 0, 0];
      case 'YBR_FULL':
      case 'YBR_FULL_422':
        return [0, middle, middle];
      case 'YBR_PARTIAL_422':
      case 'YBR_PARTIAL_420':
        return [2 ** (bitsStored - 4), middle, middle];
    }
  }
  return 'Nobody knows what is black in its photometric interpretation.';
}

/** The darkest entry of a palette, none of which need be black. */
function blackOfPalette(header: PixelHeader): readonly number[] | undefined {
  const sums: number[] = [];
  let first = 0;
  for (const [descriptorTag, dataTag] of palettes) {
    const descriptor = header.element(descriptorTag);
    const data = header.element(dataTag);
    if (descriptor === undefined || descriptor.value.length < 6 || data === undefined) return undefined;
    const { littleEndian } = descriptor.encoding;
    const view = new DataView(descriptor.value.buffer, descriptor.value.byteOffset, 6);
    const count = view.getUint16(0, littleEndian) || 0x10000;
    const bits = view.getUint16(4, littleEndian);
    first = view.getUint16(2, littleEndian);
    const bytes = data.value;
    // Entries of eight bits are two in a word (PS3.3 §C.7.6.3.1.6), whose order only little endian leaves as it is.
    const isWide = bits > 8 || bytes.length >= 2 * count;
    if ((!isWide && !littleEndian) || bytes.length < count * (isWide ? 2 : 1)) return undefined;
    const entries = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    for (let i = 0; i < count; i++) {
      sums[i] = (sums[i] ?? 0) + (isWide ? entries.getUint16(2 * i, littleEndian) : bytes[i]!);
    }
  }
  let darkest = 0;
  for (let i = 1; i < sums.length; i++) if (sums[i]! < sums[darkest]!) darkest = i;
  return [first + darkest];
}

/** The bytes of a sample. */
export function sampleBytes(
  sample: number,
  { bitsAllocated, bitsStored, highBit, littleEndian }: PixelFormat,
): Uint8Array {
  const length = bitsAllocated / 8;
  const bytes = new Uint8Array(length);
  // Bits above the highest are those of the sign.
  const placed = BigInt.asUintN(bitsAllocated, BigInt(sample) << BigInt(highBit + 1 - bitsStored));
  for (let i = 0; i < length; i++) {
    bytes[littleEndian ? i : length - 1 - i] = Number((placed >> BigInt(8 * i)) & 0xffn);
  }
  return bytes;
}
