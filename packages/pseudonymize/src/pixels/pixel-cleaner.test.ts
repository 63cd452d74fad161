// Pixels are compared one by one with what they were: black within a rectangle, the same outside.

import {
  createElementReader,
  encodeElementHeader,
  encodeItemHeader,
  encodeRleFrame,
  encodeSequenceDelimiter,
  HeldBackError,
  SopClass,
  Tags,
  type Token,
  TransferSyntax,
  type Vr,
} from '@adit/core';

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { concatenated } from '../dataset/stamps.ts';
import { datasetOf, el, type Part, raw, sq } from '../testing/dataset.ts';
import { pixelCleanerFor } from './pixel-cleaner.ts';
import { PixelHeader } from './pixel-header.ts';
import type { PixelMaskRule, PixelRectangle } from './pixel-mask.ts';

const { ExplicitVrLittleEndian, ImplicitVrLittleEndian, ExplicitVrBigEndian, RleLossless } = TransferSyntax;

const us = (value: number) => Uint8Array.of(value & 0xff, value >> 8);

interface Image {
  rows: number;
  columns: number;
  frames?: number;
  samples?: number;
  planar?: boolean;
  bits?: number;
  stored?: number;
  signed?: boolean;
  photometric?: string;
  pixels: Uint8Array;
  vr?: Vr;
  transferSyntaxUid?: string;
  sopClassUid?: string;
  more?: Part[];
}

function partsOf(image: Image, pixelData: Part): Part[] {
  const bigEndian = image.transferSyntaxUid === ExplicitVrBigEndian;
  const number = (value: number) => (bigEndian ? us(value).reverse() : us(value));
  const { rows, columns, frames = 1, samples = 1, planar = false, bits = 8, stored = bits } = image;
  return [
    el(Tags.Modality, 'CS', 'CT'),
    el(Tags.SamplesPerPixel, 'US', number(samples)),
    el(Tags.PhotometricInterpretation, 'CS', image.photometric ?? 'MONOCHROME2'),
    ...(samples > 1 ? [el(Tags.PlanarConfiguration, 'US', number(planar ? 1 : 0))] : []),
    el(Tags.NumberOfFrames, 'IS', String(frames)),
    el(Tags.Rows, 'US', number(rows)),
    el(Tags.Columns, 'US', number(columns)),
    el(Tags.BitsAllocated, 'US', number(bits)),
    el(Tags.BitsStored, 'US', number(stored)),
    el(Tags.HighBit, 'US', number(stored - 1)),
    el(Tags.PixelRepresentation, 'US', number(image.signed ? 1 : 0)),
    pixelData,
    ...(image.more ?? []),
  ];
}

/** What becomes of the bytes of Pixel Data; undefined where they stay. */
function cleaned(
  image: Image,
  masks: readonly PixelMaskRule[],
  chunkSize = 1_000_000,
): Uint8Array | undefined {
  const { transferSyntaxUid = ExplicitVrLittleEndian, sopClassUid = SopClass.CtImageStorage } = image;
  const isRle = transferSyntaxUid === RleLossless;
  const pixelData = isRle
    ? raw(Tags.PixelData, image.pixels)
    : el(Tags.PixelData, image.vr ?? 'OW', image.pixels);
  const bytes = datasetOf(partsOf(image, pixelData), transferSyntaxUid);
  const header = new PixelHeader();
  const reader = createElementReader({ transferSyntaxUid });
  let cleaner: ReturnType<typeof pixelCleanerFor>;
  const parts: Uint8Array[] = [];
  let begun = false;
  const take = (token: Token) => {
    if ((token.kind === 'bulk-start' || token.kind === 'fragments-start') && token.depth === 0) {
      cleaner = pixelCleanerFor(header, { sopClassUid, transferSyntaxUid, masks });
      begun = true;
    }
    if (!begun) header.take(token);
    else if (cleaner !== undefined) parts.push(cleaner.take(token)?.bytes ?? new Uint8Array(0));
  };
  for (let at = 0; at < bytes.length; at += chunkSize) {
    const chunk = bytes.slice(at, at + chunkSize);
    const before = chunk.slice();
    for (const token of reader.push(chunk)) take(token);
    // Chunks belong to whoever made them.
    expect(chunk).toEqual(before);
  }
  for (const token of reader.end()) take(token);
  if (cleaner === undefined) return undefined;
  const element = concatenated(parts);
  return isRle ? element : element.subarray(transferSyntaxUid === ImplicitVrLittleEndian ? 8 : 12);
}

function maskOf(...rectangles: PixelRectangle[]): PixelMaskRule[] {
  return [{ when: [{ keyword: 'Modality', is: 'equal', value: 'CT', not: false }], rectangles }];
}

const isIn = (rectangles: readonly PixelRectangle[], row: number, column: number) =>
  rectangles.some(
    ({ x, y, width, height }) => column >= x && column < x + width && row >= y && row < y + height,
  );

const noise = (length: number) => Uint8Array.from({ length }, (_, i) => (i * 73 + (i >> 3) * 31 + 5) & 0xff);

const rectangleIn = (rows: number, columns: number): fc.Arbitrary<PixelRectangle> =>
  fc.record({
    x: fc.nat(columns + 2),
    y: fc.nat(rows + 2),
    width: fc.integer({ min: 1, max: columns + 3 }),
    height: fc.integer({ min: 1, max: rows + 3 }),
  });

const shapes = fc
  .record({
    rows: fc.integer({ min: 1, max: 12 }),
    columns: fc.integer({ min: 1, max: 12 }),
    frames: fc.integer({ min: 1, max: 3 }),
  })
  .chain((shape) =>
    fc.record({
      shape: fc.constant(shape),
      rectangles: fc
        .array(rectangleIn(shape.rows, shape.columns), { minLength: 1, maxLength: 3 })
        .filter((rectangles) => rectangles.some(({ x, y }) => x < shape.columns && y < shape.rows)),
      chunkSize: fc.integer({ min: 1, max: 200 }),
    }),
  );

/** Formats of more than one bit, and the samples of a black pixel in each. */
const formats: [string, Omit<Image, 'rows' | 'columns' | 'pixels'>, number[]][] = [
  ['eight bits', { vr: 'OB' }, [0]],
  ['eight bits, MONOCHROME1', { vr: 'OB', photometric: 'MONOCHROME1' }, [255]],
  ['sixteen bits', { bits: 16, stored: 12 }, [0]],
  ['sixteen bits, MONOCHROME1', { bits: 16, stored: 12, photometric: 'MONOCHROME1' }, [4095]],
  ['sixteen bits with a sign', { bits: 16, stored: 12, signed: true }, [-2048]],
  [
    'sixteen bits with a sign, MONOCHROME1',
    { bits: 16, stored: 16, signed: true, photometric: 'MONOCHROME1' },
    [32767],
  ],
  ['thirty-two bits', { bits: 32, stored: 32 }, [0]],
  ['RGB by pixel', { samples: 3, photometric: 'RGB', vr: 'OB' }, [0, 0, 0]],
  ['RGB by plane', { samples: 3, planar: true, photometric: 'RGB', vr: 'OB' }, [0, 0, 0]],
  ['RGB of sixteen bits', { samples: 3, bits: 16, photometric: 'RGB' }, [0, 0, 0]],
  ['YBR_FULL by pixel', { samples: 3, photometric: 'YBR_FULL', vr: 'OB' }, [0, 128, 128]],
  ['YBR_FULL by plane', { samples: 3, planar: true, photometric: 'YBR_FULL', vr: 'OB' }, [0, 128, 128]],
];

/** The sample of a pixel in native bytes. */
function sampleAt(
  bytes: Uint8Array,
  image: Image,
  frame: number,
  row: number,
  column: number,
  sample: number,
): number {
  const { rows, columns, samples = 1, planar = false, bits = 8, signed = false } = image;
  const pixel = row * columns + column;
  const inFrame = planar ? sample * rows * columns + pixel : pixel * samples + sample;
  const at = (frame * rows * columns * samples + inFrame) * (bits / 8);
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const little = image.transferSyntaxUid !== ExplicitVrBigEndian;
  if (bits === 8) return view.getUint8(at);
  if (bits === 16) return signed ? view.getInt16(at, little) : view.getUint16(at, little);
  return view.getUint32(at, little);
}

function expectCleaned(
  image: Image,
  after: Uint8Array,
  before: Uint8Array,
  rectangles: PixelRectangle[],
  black: number[],
) {
  const { rows, columns, frames = 1, samples = 1 } = image;
  for (let frame = 0; frame < frames; frame++) {
    for (let row = 0; row < rows; row++) {
      for (let column = 0; column < columns; column++) {
        for (let sample = 0; sample < samples; sample++) {
          const was = sampleAt(before, image, frame, row, column, sample);
          const expected = isIn(rectangles, row, column) ? black[sample] : was;
          const is = sampleAt(after, image, frame, row, column, sample);
          if (is !== expected) expect({ frame, row, column, sample, is }).toEqual({ is: expected });
        }
      }
    }
  }
}

describe('native pixels', () => {
  for (const [name, format, black] of formats) {
    test.each([ExplicitVrLittleEndian, ImplicitVrLittleEndian, ExplicitVrBigEndian])(
      `${name}, %s`,
      (transferSyntaxUid) => {
        fc.assert(
          fc.property(shapes, ({ shape, rectangles, chunkSize }) => {
            const { samples = 1, bits = 8 } = format;
            const length = shape.rows * shape.columns * shape.frames * samples * (bits / 8);
            const image = { ...format, ...shape, transferSyntaxUid, pixels: noise(length) };
            const after = cleaned(image, maskOf(...rectangles), chunkSize);
            expect(after).toHaveLength(length + (length % 2));
            expectCleaned(image, after!, image.pixels, rectangles, black);
          }),
          { numRuns: 10 },
        );
      },
    );
  }

  test('one bit, frames that begin within a byte', () => {
    fc.assert(
      fc.property(
        shapes,
        fc.constantFrom('MONOCHROME1', 'MONOCHROME2'),
        ({ shape, rectangles, chunkSize }, photometric) => {
          const count = shape.rows * shape.columns * shape.frames;
          const pixels = noise(Math.ceil(count / 8));
          const after = cleaned(
            { ...shape, bits: 1, photometric, vr: 'OB', pixels },
            maskOf(...rectangles),
            chunkSize,
          )!;
          const bit = (bytes: Uint8Array, at: number) => (bytes[at >> 3]! >> (at & 7)) & 1;
          for (let at = 0; at < count; at++) {
            const inFrame = at % (shape.rows * shape.columns);
            const black = photometric === 'MONOCHROME1' ? 1 : 0;
            const masked = isIn(rectangles, Math.floor(inFrame / shape.columns), inFrame % shape.columns);
            expect(bit(after, at)).toBe(masked ? black : bit(pixels, at));
          }
        },
      ),
      { numRuns: 30 },
    );
  });

  test('YBR_FULL_422: whole pairs of pixels', () => {
    // Y Y Cb Cr for two pixels beside each other.
    const pixels = noise(4 * 6 * 2);
    const image = { rows: 4, columns: 6, samples: 3, photometric: 'YBR_FULL_422', vr: 'OB' as const, pixels };
    const after = cleaned(image, maskOf({ x: 1, y: 1, width: 2, height: 1 }))!;
    const expected = pixels.slice();
    expected.set([0, 0, 128, 128, 0, 0, 128, 128], 12);
    expect(after).toEqual(expected);
  });

  test('palettes: the darkest of their colours', () => {
    const palette = (blue: number[]) => [
      ...[0x00281101, 0x00281102, 0x00281103].map((tag) => el(tag, 'US', Uint8Array.of(4, 0, 0, 0, 8, 0))),
      el(0x00281201, 'OW', Uint8Array.of(9, 9, 1, 9)),
      el(0x00281202, 'OW', Uint8Array.of(9, 9, 1, 9)),
      el(0x00281203, 'OW', Uint8Array.from(blue)),
    ];
    const image = {
      rows: 2,
      columns: 2,
      photometric: 'PALETTE COLOR',
      vr: 'OB' as const,
      pixels: Uint8Array.of(0, 1, 3, 0),
    };
    const mask = maskOf({ x: 1, y: 0, width: 1, height: 2 });
    expect(cleaned({ ...image, more: palette([9, 9, 1, 9]) }, mask)).toEqual(Uint8Array.of(0, 2, 3, 2));
    expect(() => cleaned(image, mask)).toThrow(/palette/);
  });
});

/** Pixel Data in RLE with a filled Basic Offset Table. */
function rleElement(image: Image): Uint8Array {
  const little = { explicitVr: true, littleEndian: true };
  const { rows, columns, frames = 1, samples = 1, bits = 8 } = image;
  const length = image.pixels.length / frames;
  const fragments = Array.from({ length: frames }, (_, frame) => {
    const shape = { columns, samplesPerPixel: samples, bytesPerSample: bits / 8 };
    expect(length).toBe(rows * columns * samples * (bits / 8));
    return encodeRleFrame(image.pixels.slice(frame * length, (frame + 1) * length), shape);
  });
  const table = new Uint8Array(4 * frames).fill(7);
  return concatenated([
    encodeElementHeader(Tags.PixelData, 'OB', undefined, little),
    encodeItemHeader(table.length, little),
    table,
    ...fragments.flatMap((fragment) => [encodeItemHeader(fragment.length, little), fragment]),
    encodeSequenceDelimiter(little),
  ]);
}

/** Unpacks RLE as PS3.5 Annex G has it, independently of what packs it. */
function unpacked(element: Uint8Array, image: Image): Uint8Array {
  const { rows, columns, samples = 1, bits = 8 } = image;
  const frames: Uint8Array[] = [];
  const view = new DataView(element.buffer, element.byteOffset);
  let at = 12;
  // The first item is the Basic Offset Table, which says nothing any more.
  expect(view.getUint32(at + 4, true)).toBe(0);
  at += 8;
  while (view.getUint16(at + 2, true) === 0xe000) {
    const length = view.getUint32(at + 4, true);
    expect(length % 2).toBe(0);
    const fragment = element.subarray(at + 8, at + 8 + length);
    at += 8 + length;
    const head = new DataView(fragment.buffer, fragment.byteOffset);
    const pixels = new Uint8Array(rows * columns * samples * (bits / 8));
    const count = head.getUint32(0, true);
    expect(count).toBe(samples * (bits / 8));
    for (let segment = 0; segment < count; segment++) {
      let from = head.getUint32(4 + 4 * segment, true);
      for (let pixel = 0; pixel < rows * columns; ) {
        const n = fragment[from++]!;
        const run = n < 128 ? n + 1 : 257 - n;
        for (let i = 0; i < run; i++, pixel++) {
          const sample = Math.floor(segment / (bits / 8));
          const byte = bits / 8 - 1 - (segment % (bits / 8));
          pixels[(pixel * samples + sample) * (bits / 8) + byte] = fragment[n < 128 ? from + i : from]!;
        }
        from += n < 128 ? run : 1;
        // No run crosses a row (PS3.5 §G.3.1).
        if (pixel % columns !== 0)
          expect(Math.floor((pixel - 1) / columns)).toBe(Math.floor((pixel - run) / columns));
      }
    }
    frames.push(pixels);
  }
  return concatenated(frames);
}

describe('RLE', () => {
  test.each(formats.filter(([, { planar }]) => !planar))('%s', (_, format, black) => {
    fc.assert(
      fc.property(shapes, fc.boolean(), ({ shape, rectangles, chunkSize }, isFlat) => {
        const { samples = 1, bits = 8 } = format;
        const length = shape.rows * shape.columns * shape.frames * samples * (bits / 8);
        const pixels = isFlat ? new Uint8Array(length).fill(3) : noise(length);
        const image = { ...format, ...shape, transferSyntaxUid: RleLossless, pixels };
        const element = cleaned({ ...image, pixels: rleElement(image) }, maskOf(...rectangles), chunkSize);
        expectCleaned(image, unpacked(element!, image), pixels, rectangles, black);
      }),
      { numRuns: 10 },
    );
  });

  const image = { rows: 4, columns: 4, frames: 2, pixels: noise(32), transferSyntaxUid: RleLossless };
  const mask = maskOf({ x: 0, y: 0, width: 4, height: 1 });

  test('a frame that is damaged, missing or too long is held back', () => {
    const element = rleElement(image);
    expect(() => cleaned({ ...image, frames: 3, pixels: element }, mask)).toThrow(/2 frames/);
    const damaged = element.slice();
    damaged[12 + 8 + 8 + 8] = 9; // count of segments
    expect(() => cleaned({ ...image, pixels: damaged }, mask)).toThrow(HeldBackError);
    expect(() => cleaned({ ...image, rows: 40, pixels: element }, mask)).toThrow(/damaged/);
  });

  test('whatever byte is changed, it is held back or packed again', () => {
    const element = rleElement(image);
    for (let at = 28; at < element.length - 8; at++) {
      const changed = element.slice();
      changed[at]! ^= 0x81;
      try {
        cleaned({ ...image, pixels: changed }, mask);
      } catch (error) {
        if (!(error instanceof HeldBackError))
          expect((error as { code: string }).code).toMatch(/MALFORMED|TRUNCATED|TOO_LARGE/);
      }
    }
  });
});

describe('which pixels are cleaned', () => {
  const image: Image = { rows: 4, columns: 4, vr: 'OB', pixels: noise(16) };
  const region = (...[x0, y0, x1, y1]: [number, number, number, number]): Part[] => [
    el(0x00186012, 'US', us(1)),
    ...[x0, y0, x1, y1].map((value, i) => el(0x00186018 + 2 * i, 'UL', Uint8Array.of(value, 0, 0, 0))),
  ];
  const ultrasound = (items: Part[][]): Image => ({
    ...image,
    sopClassUid: SopClass.UltrasoundImageStorage,
    more: [el(Tags.Modality, 'CS', 'US'), sq(0x00186011, items)],
  });

  test('without a rule and without a risk, they stay', () => {
    expect(cleaned(image, [])).toBeUndefined();
    const other = maskOf({ x: 0, y: 0, width: 1, height: 1 });
    other[0]!.when[0]!.value = 'MR';
    expect(cleaned(image, other)).toBeUndefined();
  });

  test('the first rule counts', () => {
    const masks = [
      ...maskOf({ x: 0, y: 0, width: 1, height: 1 }),
      ...maskOf({ x: 3, y: 3, width: 1, height: 1 }),
    ];
    const after = cleaned(image, masks)!;
    expect([after[0], after[15]]).toEqual([0, image.pixels[15]]);
  });

  test('a rule without rectangles says that nothing has to be blackened', () => {
    const secondary = { ...image, sopClassUid: SopClass.SecondaryCaptureImageStorage };
    expect(cleaned(secondary, maskOf())).toEqual(image.pixels);
  });

  test('all but the regions of an ultrasound image is blackened', () => {
    const after = cleaned(ultrasound([region(1, 0, 2, 1), region(2, 1, 3, 2)]), [])!;
    const kept = [1, 2, 5, 6, 7, 10, 11];
    expect([...after]).toEqual([...image.pixels].map((pixel, at) => (kept.includes(at) ? pixel : 0)));
  });

  test.each([
    ['ultrasound without regions', ultrasound([])],
    ['ultrasound with a region of everything', ultrasound([region(0, 0, 3, 3)])],
    ['ultrasound with a region that is none', ultrasound([region(3, 3, 1, 1)])],
    ['a secondary capture', { ...image, sopClassUid: SopClass.SecondaryCaptureImageStorage }],
    ['a photograph', { ...image, more: [el(Tags.Modality, 'CS', 'XC')] }],
    ['endoscopy', { ...image, more: [el(Tags.Modality, 'CS', 'ES')] }],
    ['another modality', { ...image, more: [el(Tags.Modality, 'CS', 'OT')] }],
    ['derived and secondary', { ...image, more: [el(Tags.ImageType, 'CS', 'DERIVED\\SECONDARY\\SCREEN')] }],
    ['marked as having text', { ...image, more: [el(Tags.BurnedInAnnotation, 'CS', 'YES')] }],
  ])('%s is held back', (_, risky) => {
    expect(() => cleaned(risky, [])).toThrow(HeldBackError);
    expect(() => cleaned(risky, [])).toThrow(/burned in/);
  });

  test.each([
    ['compressed', { ...image, transferSyntaxUid: TransferSyntax.JpegBaseline8Bit }, /JPEG Baseline/],
    ['of another length', { ...image, rows: 5 }, /16 bytes long/],
    [
      'that a mask for others lies outside of',
      { ...image, rows: 1, columns: 1, pixels: noise(1) },
      /outside/,
    ],
    ['of twelve bits', { ...image, bits: 12 }, /12 bits/],
    ['of four samples', { ...image, samples: 4 }, /4 samples/],
    ['of no known interpretation', { ...image, photometric: 'HSV' }, /photometric/],
    [
      'bytes in words of big endian',
      { ...image, vr: 'OW' as const, transferSyntaxUid: ExplicitVrBigEndian },
      /big endian/,
    ],
  ])('pixels %s that are to be cleaned are held back', (_, bad: Image, reason) => {
    const pixels = bad.transferSyntaxUid === TransferSyntax.JpegBaseline8Bit ? undefined : bad.pixels;
    const run = () =>
      pixels === undefined
        ? cleanedFragments(bad)
        : cleaned(bad, maskOf({ x: bad.rows === 1 ? 9 : 0, y: 0, width: 1, height: 1 }));
    expect(run).toThrow(HeldBackError);
    expect(run).toThrow(reason);
  });

  /** Any fragments: they are not looked into. */
  function cleanedFragments(bad: Image): void {
    const header = new PixelHeader();
    const transferSyntaxUid = bad.transferSyntaxUid!;
    const little = { explicitVr: true, littleEndian: true };
    const bytes = concatenated([
      datasetOf(
        partsOf(bad, raw(Tags.PixelData, encodeElementHeader(Tags.PixelData, 'OB', undefined, little))),
        transferSyntaxUid,
      ),
      encodeSequenceDelimiter(little),
    ]);
    const reader = createElementReader({ transferSyntaxUid });
    for (const token of [...reader.push(bytes), ...reader.end()]) {
      if (token.kind === 'fragments-start') {
        pixelCleanerFor(header, {
          sopClassUid: SopClass.CtImageStorage,
          transferSyntaxUid,
          masks: maskOf({ x: 0, y: 0, width: 1, height: 1 }),
        });
      }
      header.take(token);
    }
  }
});
