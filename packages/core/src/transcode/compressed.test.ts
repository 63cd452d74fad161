import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import dcmjsCodecs from 'dcmjs-codecs';
import { describe, expect, it, type TestContext } from 'vitest';
import { attributesFrom, textOf } from '../data/attribute-access.ts';
import { concatBytes } from '../data/bytes.ts';
import { decodeDataset, encodeDataset } from '../data/dataset.ts';
import { explicitLittleEndian } from '../data/element-reader.ts';
import { encodeElementHeader, encodeItemHeader, encodeSequenceDelimiter } from '../data/element-writer.ts';
import { readPart10, writePart10 } from '../data/part10.ts';
import { SopClass } from '../data/sop-class.ts';
import { Tags } from '../data/tags.ts';
import { chunksOf, collect, readAll, watch } from '../data/testing/data-sets.ts';
import { hasDcmtk, run, withFolder } from '../data/testing/dcmtk.ts';
import { TransferSyntax } from '../data/transfer-syntax.ts';
import { type SyntheticInstanceOptions, syntheticInstance } from '../synthetic/index.ts';
import type { DicomInstance } from '../transfer/types.ts';
import { foreignCodestreams } from './testing/foreign-codestreams.ts';
import { transcode } from './transcode.ts';

const EXPLICIT = TransferSyntax.ExplicitVrLittleEndian;
const IMPLICIT = TransferSyntax.ImplicitVrLittleEndian;
const BIG_ENDIAN = TransferSyntax.ExplicitVrBigEndian;

/** A data set in explicit VR little endian: its attributes before the pixel data, and these. */
async function open(instance: DicomInstance) {
  const { transferSyntaxUid } = instance;
  const bytes = await collect(instance.dataset);
  const pixels: Uint8Array[] = [];
  let vr = '';
  for (const token of readAll([bytes], { transferSyntaxUid })) {
    if (token.kind === 'bulk-start' && token.tag === Tags.PixelData) vr = token.vr;
    if (token.kind === 'bulk-chunk' && token.depth === 0) pixels.push(token.bytes);
    if (token.kind === 'fragments-start') throw new Error('Still compressed');
  }
  const attributes = decodeDataset(bytes, { transferSyntaxUid, stopAt: Tags.PixelData });
  return { attributes, pixels: concatBytes(pixels), vr, bytes };
}

function same(one: Uint8Array, other: Uint8Array): boolean {
  return Buffer.compare(one, other) === 0;
}

async function readFile(bytes: Uint8Array): Promise<DicomInstance> {
  return readPart10(chunksOf(bytes, 65_536));
}

/** What a program of DCMTK makes of a file. */
function convert(file: Uint8Array, program: string, ...options: string[]): Uint8Array {
  return withFolder((folder) => {
    const [from, to] = [join(folder, 'from.dcm'), join(folder, 'to.dcm')];
    writeFileSync(from, file);
    expect(run(program, ...options, from, to), program).toBeDefined();
    return new Uint8Array(readFileSync(to));
  });
}

function needsDcmtk(context: TestContext): void {
  if (!hasDcmtk) context.skip('DCMTK is not installed');
}

const kinds: readonly SyntheticInstanceOptions[] = [
  { kind: 'CT', rows: 100, columns: 75 },
  { kind: 'MR', rows: 64, columns: 64 },
  { kind: 'enhanced-CT', rows: 50, columns: 40, frames: 5 },
  { kind: 'US', rows: 61, columns: 83 },
  { kind: 'US-multi-frame', rows: 31, columns: 33, frames: 3 },
];

describe('what DCMTK compressed without loss comes back bit for bit', () => {
  it.for([
    ['RLE', 'dcmcrle', []],
    ['JPEG lossless, predictor 1', 'dcmcjpeg', ['+e1']],
    ['JPEG lossless, predictor 6', 'dcmcjpeg', ['+el', '+sv', '6']],
    ['JPEG-LS', 'dcmcjpls', ['+el']],
    ['JPEG-LS by lines', 'dcmcjpls', ['+el', '+il']],
    ['RLE in fragments of 1 kB', 'dcmcrle', ['+fs', '1']],
    ['JPEG lossless in fragments of 1 kB', 'dcmcjpeg', ['+e1', '+fs', '1']],
    ['JPEG-LS in fragments of 1 kB without an offset table', 'dcmcjpls', ['+el', '+fs', '1', '-ot']],
  ] as const)('%s', async ([, program, options], context) => {
    needsDcmtk(context);
    for (const kind of kinds) {
      const original = await collect(writePart10(syntheticInstance(kind)));
      const compressed = convert(original, program, ...options);
      const expected = await open(await readFile(original));
      const decoded = await open(await transcode(await readFile(compressed), EXPLICIT));
      expect(same(decoded.pixels, expected.pixels), kind.kind).toBe(true);
      expect(decoded.vr).toBe(expected.vr);
      const photometric = textOf(expected.attributes, 'PhotometricInterpretation');
      expect(textOf(decoded.attributes, 'PhotometricInterpretation')).toBe(photometric);
    }
  });
});

describe('what DCMTK decompresses comes out the same', () => {
  /** Colours are rounded once more on their way to RGB, or brought to full size differently. */
  const tolerance = 3;

  it.for([
    ['baseline', 'dcmcjpeg', ['+eb'], 'dcmdjpeg', 'RGB'],
    ['baseline, subsampled', 'dcmcjpeg', ['+eb', '+s2'], 'dcmdjpeg', 'RGB'],
    ['baseline of RGB', 'dcmcjpeg', ['+eb', '+cr'], 'dcmdjpeg', 'RGB'],
    ['extended, 12 bits', 'dcmcjpeg', ['+ee'], 'dcmdjpeg', 'RGB'],
    ['JPEG-LS, near-lossless', 'dcmcjpls', ['+en'], 'dcmdjpls', 'RGB'],
  ] as const)('%s', async ([, compress, options, decompress, photometric], context) => {
    needsDcmtk(context);
    for (const kind of kinds) {
      const isColour = kind.kind.startsWith('US');
      if (!isColour && options.includes('+eb' as never)) continue; // Has more than 8 bits.
      if (isColour && options.includes('+ee' as never)) continue;
      const compressed = convert(await collect(writePart10(syntheticInstance(kind))), compress, ...options);
      const theirs = await open(await readFile(convert(compressed, decompress)));
      const ours = await open(await transcode(await readFile(compressed), EXPLICIT));
      expect(ours.pixels.length).toBe(theirs.pixels.length);
      expect(farthest(ours.pixels, theirs.pixels), kind.kind).toBeLessThanOrEqual(isColour ? tolerance : 0);
      expect(textOf(ours.attributes, 'LossyImageCompression')).toBe(
        textOf(theirs.attributes, 'LossyImageCompression'),
      );
      if (isColour) expect(textOf(ours.attributes, 'PhotometricInterpretation')).toBe(photometric);
    }
  });

  it('of real files', async (context) => {
    const corpus = process.env.ADIT_CORPUS;
    needsDcmtk(context);
    if (corpus === undefined) context.skip('ADIT_CORPUS is not set');
    const programs: Readonly<Record<string, string>> = {
      [TransferSyntax.RleLossless]: 'dcmdrle',
      [TransferSyntax.JpegLsLossless]: 'dcmdjpls',
      [TransferSyntax.JpegLosslessSv1]: 'dcmdjpeg',
    };
    const seen = new Set<string>();
    for (const name of readdirSync(join(corpus!, 'encodings'))) {
      const file = new Uint8Array(readFileSync(join(corpus!, 'encodings', name)));
      const instance = await readFile(file).catch(() => undefined);
      const program = programs[instance?.transferSyntaxUid ?? ''];
      if (!instance || !program) continue;
      seen.add(program);
      const theirs = await open(await readFile(convert(file, program)));
      for (const to of [EXPLICIT, IMPLICIT, BIG_ENDIAN, TransferSyntax.DeflatedExplicitVrLittleEndian]) {
        const ours = await transcode(await readFile(file), to);
        const back = await open(await transcode(ours, EXPLICIT));
        expect(same(back.pixels, theirs.pixels), `${name} to ${to}`).toBe(true);
      }
    }
    expect([...seen].sort()).toEqual(Object.values(programs).sort());
  });
});

function farthest(one: Uint8Array, other: Uint8Array): number {
  let most = 0;
  for (let at = 0; at < one.length; at++) most = Math.max(most, Math.abs(one[at]! - other[at]!));
  return most;
}

// Codestreams that DCMTK cannot make: those of the library's own encoders, one fragment each, and recorded ones.

interface Picture {
  rows: number;
  columns: number;
  samples: 1 | 3;
  bits: 8 | 16;
  stored: number;
  signed: boolean;
  frames: number;
}

const picture: Picture = {
  rows: 37,
  columns: 41,
  samples: 1,
  bits: 16,
  stored: 12,
  signed: false,
  frames: 2,
};

/** Pixels of a slope with some noise, within Bits Stored. */
function pixelsOf({ rows, columns, samples, bits, stored, signed }: Picture, frame: number): Uint8Array {
  const count = rows * columns * samples;
  const bytes = new Uint8Array((count * bits) / 8);
  const view = new DataView(bytes.buffer);
  const low = signed ? -(2 ** (stored - 1)) : 0;
  for (let at = 0; at < count; at++) {
    const value = low + ((at * 7 + frame * 13 + ((at * at) % 11)) % 2 ** stored);
    if (bits === 8) view.setUint8(at, value & 0xff);
    else view.setUint16(2 * at, value & 0xffff, true);
  }
  return bytes;
}

type Encoder = 'encodeJpeg' | 'encodeJpegLs' | 'encodeJpeg2000' | 'encodeHtJpeg2000';

async function encodeFrame(what: Picture, frame: number, encoder: Encoder): Promise<Uint8Array> {
  const { Context, NativeCodecs } = dcmjsCodecs;
  if (!NativeCodecs.isInitialized()) await NativeCodecs.initializeAsync();
  const context = new Context({
    width: what.columns,
    height: what.rows,
    bitsAllocated: what.bits,
    bitsStored: what.stored,
    samplesPerPixel: what.samples,
    pixelRepresentation: what.signed ? 1 : 0,
    planarConfiguration: 0,
    photometricInterpretation: what.samples === 1 ? 'MONOCHROME2' : 'RGB',
    decodedBuffer: pixelsOf(what, frame),
  });
  const encoded = NativeCodecs[encoder](context, { lossy: false }).getEncodedBuffer()!;
  return encoded.length % 2 === 0 ? encoded : concatBytes([encoded, new Uint8Array(1)]);
}

/** An object with these fragments. */
function encapsulated(
  what: Picture,
  transferSyntaxUid: string,
  fragments: readonly Uint8Array[],
  { offsets = [] as readonly number[], photometric = '', extra = {} } = {},
): DicomInstance {
  const head = encodeDataset(
    attributesFrom({
      SOPInstanceUID: '1.2.3',
      SamplesPerPixel: what.samples,
      PhotometricInterpretation: photometric || (what.samples === 1 ? 'MONOCHROME2' : 'RGB'),
      ...(what.samples === 3 && { PlanarConfiguration: 0 }),
      NumberOfFrames: what.frames,
      Rows: what.rows,
      Columns: what.columns,
      BitsAllocated: what.bits,
      BitsStored: what.stored,
      HighBit: what.stored - 1,
      PixelRepresentation: what.signed ? 1 : 0,
      ...extra,
    }),
    { transferSyntaxUid },
  );
  const table = new DataView(new ArrayBuffer(4 * offsets.length));
  for (const [index, offset] of offsets.entries()) table.setUint32(4 * index, offset, true);
  const bytes = concatBytes([
    head,
    encodeElementHeader(Tags.PixelData, 'OB', undefined, explicitLittleEndian),
    encodeItemHeader(table.byteLength, explicitLittleEndian),
    new Uint8Array(table.buffer),
    ...fragments.flatMap((fragment) => [encodeItemHeader(fragment.length, explicitLittleEndian), fragment]),
    encodeSequenceDelimiter(explicitLittleEndian),
  ]);
  return {
    sopClassUid: SopClass.SecondaryCaptureImageStorage,
    sopInstanceUid: '1.2.3',
    transferSyntaxUid,
    dataset: chunksOf(bytes, 1000),
  };
}

const syntaxes = [
  [TransferSyntax.JpegLosslessSv1, 'encodeJpeg'],
  [TransferSyntax.JpegLsLossless, 'encodeJpegLs'],
  [TransferSyntax.Jpeg2000Lossless, 'encodeJpeg2000'],
  [TransferSyntax.HighThroughputJpeg2000Lossless, 'encodeHtJpeg2000'],
] as const;

describe.each(syntaxes)('in %s', (transferSyntaxUid, encoder) => {
  const colour = { ...picture, samples: 3, bits: 8, stored: 8 } as const;
  const cases: [string, Picture][] = [
    ['8 bits', { ...picture, bits: 8, stored: 8 }],
    ['12 of 16 bits', picture],
    ['16 bits', { ...picture, stored: 16 }],
    ['16 bits with a sign', { ...picture, stored: 16, signed: true }],
    ['12 bits with a sign', { ...picture, signed: true }],
    ['colours', colour],
  ];
  // The library's encoder for JPEG 2000 takes bytes for unsigned ones and cuts them off.
  if (encoder !== 'encodeJpeg2000') {
    cases.push(['8 bits with a sign', { ...picture, bits: 8, stored: 8, signed: true }]);
  }

  it.each(cases)('%s', async (name, what) => {
    const fragments = [await encodeFrame(what, 0, encoder), await encodeFrame(what, 1, encoder)];
    const expected = concatBytes([pixelsOf(what, 0), pixelsOf(what, 1)]);
    const photometric = what.samples === 3 && encoder.includes('2000') ? 'YBR_RCT' : '';
    const decoded = await open(
      await transcode(encapsulated(what, transferSyntaxUid, fragments, { photometric }), EXPLICIT),
    );
    const mask = 2 ** what.stored - 1;
    expect(samplesOf(decoded.pixels, what.bits, mask), name).toEqual(samplesOf(expected, what.bits, mask));
    expect(textOf(decoded.attributes, 'PhotometricInterpretation')).toBe(
      what.samples === 3 ? 'RGB' : 'MONOCHROME2',
    );
    expect(decoded.vr).toBe(what.bits === 8 ? 'OB' : 'OW');
  });

  it('8 bits in 16, which codestreams do not tell', async () => {
    const narrow = { ...picture, bits: 8, stored: 8 } as const;
    const fragments = [await encodeFrame(narrow, 0, encoder), await encodeFrame(narrow, 1, encoder)];
    const object = encapsulated({ ...narrow, bits: 16 }, transferSyntaxUid, fragments);
    const { pixels, vr } = await open(await transcode(object, EXPLICIT));
    const expected = concatBytes([pixelsOf(narrow, 0), pixelsOf(narrow, 1)]);
    expect(samplesOf(pixels, 16, 0xffff)).toEqual([...expected]);
    expect(vr).toBe('OW');
  });

  it('planes, where Planar Configuration says so', async () => {
    const fragments = [await encodeFrame(colour, 0, encoder)];
    const decoded = await open(
      await transcode(
        encapsulated({ ...colour, frames: 1 }, transferSyntaxUid, fragments, {
          extra: { PlanarConfiguration: 1 },
        }),
        EXPLICIT,
      ),
    );
    const [first, second] = [pixelsOf(colour, 0), decoded.pixels];
    const count = colour.rows * colour.columns;
    for (let at = 0; at < count; at++) {
      for (let sample = 0; sample < 3; sample++)
        expect(second[sample * count + at]).toBe(first[3 * at + sample]);
    }
  });

  it('a frame in several fragments, told apart by the offset table or by its beginning', async () => {
    const frames = [await encodeFrame(picture, 0, encoder), await encodeFrame(picture, 1, encoder)];
    const fragments = frames.flatMap((frame) => [frame.slice(0, 500), frame.slice(500)]);
    const second = frames[0]!.length + 16;
    for (const offsets of [[], [0, second]]) {
      const { pixels } = await open(
        await transcode(encapsulated(picture, transferSyntaxUid, fragments, { offsets }), EXPLICIT),
      );
      expect(same(pixels, concatBytes([pixelsOf(picture, 0), pixelsOf(picture, 1)]))).toBe(true);
    }
  });

  it('in big endian the samples are turned around, in implicit VR they are OW', async () => {
    const fragments = [await encodeFrame(picture, 0, encoder), await encodeFrame(picture, 1, encoder)];
    const object = () => encapsulated(picture, transferSyntaxUid, fragments);
    const expected = await open(await transcode(object(), EXPLICIT));
    for (const to of [BIG_ENDIAN, IMPLICIT]) {
      const { pixels, bytes } = await open(await transcode(await transcode(object(), to), EXPLICIT));
      expect(same(pixels, expected.pixels)).toBe(true);
      expect(same(bytes, expected.bytes)).toBe(true);
    }
  });

  describe('is refused before its end:', () => {
    const broken: readonly (readonly [string, (frame: Uint8Array) => DicomInstance, string])[] = [
      [
        'a frame that is cut off',
        (frame) => encapsulated({ ...picture, frames: 1 }, transferSyntaxUid, [frame.slice(0, 400)]),
        'TRUNCATED',
      ],
      [
        'a frame of another size',
        (frame) => encapsulated({ ...picture, rows: 400, frames: 1 }, transferSyntaxUid, [frame]),
        'MALFORMED',
      ],
      [
        'a frame with more bits than there is room for',
        (frame) => encapsulated({ ...picture, bits: 8, stored: 8, frames: 1 }, transferSyntaxUid, [frame]),
        'UNSUPPORTED',
      ],
      [
        'fewer frames than promised',
        (frame) => encapsulated(picture, transferSyntaxUid, [frame]),
        'MALFORMED',
      ],
      [
        'more frames than promised',
        (frame) => encapsulated(picture, transferSyntaxUid, [frame, frame, frame]),
        'MALFORMED',
      ],
      [
        'no codestream at all',
        () => encapsulated({ ...picture, frames: 1 }, transferSyntaxUid, [new Uint8Array(100)]),
        'MALFORMED',
      ],
      [
        'a frame whose bits are upset',
        (frame) => {
          const upset = frame.slice();
          upset.fill(0xff, 60, 300);
          return encapsulated({ ...picture, frames: 1 }, transferSyntaxUid, [upset]);
        },
        'MALFORMED',
      ],
    ];
    it.each(broken)('%s', async (name, make, code) => {
      const object = make(await encodeFrame(picture, 0, encoder));
      const { dataset } = await transcode(object, EXPLICIT);
      let outcome: unknown;
      try {
        await collect(dataset);
      } catch (error) {
        outcome = error;
      }
      // Upset bits need not be found out by a decoder; the others must be.
      if (name.includes('upset') && outcome === undefined) return;
      expect(outcome).toMatchObject({ code });
      // The next object is none the worse for it.
      const fragments = [await encodeFrame(picture, 0, encoder), await encodeFrame(picture, 1, encoder)];
      const { pixels } = await open(
        await transcode(encapsulated(picture, transferSyntaxUid, fragments), EXPLICIT),
      );
      expect(pixels.length).toBe(2 * 2 * picture.rows * picture.columns);
    });
  });
});

describe.each([
  [TransferSyntax.Jpeg2000Lossless, foreignCodestreams.jpeg2000],
  [TransferSyntax.HighThroughputJpeg2000Lossless, foreignCodestreams.htj2k],
])('in %s, by another encoder', (transferSyntaxUid, codestreams: Readonly<Record<string, string>>) => {
  const small = { ...picture, rows: 13, columns: 11, frames: 1 };
  const pictures: Readonly<Record<string, Picture>> = {
    '8 bits': { ...small, bits: 8, stored: 8 },
    '8 bits with a sign': { ...small, bits: 8, stored: 8, signed: true },
    '12 of 16 bits': small,
    '12 bits with a sign': { ...small, signed: true },
    '16 bits': { ...small, stored: 16 },
    '16 bits with a sign': { ...small, stored: 16, signed: true },
    colours: { ...small, samples: 3, bits: 8, stored: 8 },
  };
  it.each(Object.entries(codestreams))('%s', async (name, base64) => {
    const what = pictures[name]!;
    const codestream = new Uint8Array(Buffer.from(base64, 'base64'));
    const fragment = codestream.length % 2 === 0 ? codestream : concatBytes([codestream, new Uint8Array(1)]);
    const photometric = what.samples === 3 ? 'YBR_RCT' : '';
    const { pixels } = await open(
      await transcode(encapsulated(what, transferSyntaxUid, [fragment], { photometric }), EXPLICIT),
    );
    const expected = pixelsOf(what, 0);
    const mask = 2 ** what.stored - 1;
    expect(samplesOf(pixels.subarray(0, expected.length), what.bits, mask)).toEqual(
      samplesOf(expected, what.bits, mask),
    );
  });
});

function samplesOf(bytes: Uint8Array, bits: number, mask: number): number[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const samples: number[] = [];
  for (let at = 0; at < bytes.length; at += bits / 8) {
    samples.push((bits === 8 ? view.getUint8(at) : view.getUint16(at, true)) & mask);
  }
  return samples;
}

describe('RLE that is broken is refused before its end:', () => {
  const small = { ...picture, rows: 2, columns: 4, bits: 8, stored: 8, frames: 1 } as const;
  /** A frame with one segment: a header, then packed bytes. */
  const frame = (packed: number[], { segments = 1, offset = 64 } = {}) => {
    const bytes = new Uint8Array(64 + packed.length);
    const view = new DataView(bytes.buffer);
    view.setUint32(0, segments, true);
    view.setUint32(4, offset, true);
    bytes.set(packed, 64);
    return bytes;
  };
  const run8 = 257 - 8;

  it('unless it is sound', async () => {
    const object = encapsulated(small, TransferSyntax.RleLossless, [frame([run8, 5])]);
    const { pixels } = await open(await transcode(object, EXPLICIT));
    expect([...pixels]).toEqual(Array(8).fill(5));
  });

  it.each([
    ['too few pixels', frame([257 - 6, 5])],
    ['too many pixels in a run', frame([257 - 9, 5])],
    ['a literal run that ends with the segment', frame([7, 1, 2])],
    ['a wrong number of segments', frame([run8, 5], { segments: 2 })],
    ['a segment in the header', frame([run8, 5], { offset: 8 })],
    ['a segment behind the end', frame([run8, 5], { offset: 4000 })],
    ['no header', new Uint8Array(10)],
  ])('%s', async (_, fragment) => {
    const { dataset } = await transcode(
      encapsulated(small, TransferSyntax.RleLossless, [fragment]),
      EXPLICIT,
    );
    await expect(collect(dataset)).rejects.toMatchObject({ code: 'MALFORMED' });
  });
});

it('frames go on their way one by one', async () => {
  const instance = syntheticInstance({
    kind: 'US-multi-frame',
    frames: 40,
    transferSyntaxUid: TransferSyntax.RleLossless,
  });
  const source = watch(instance.dataset);
  const { dataset } = await transcode({ ...instance, dataset: source }, EXPLICIT);
  let written = 0;
  let early = 0;
  for await (const chunk of dataset) {
    written += chunk.length;
    if (source.open) early = written;
  }
  expect(written).toBeGreaterThan(40 * 640 * 480 * 3);
  expect(early).toBeGreaterThan(38 * 640 * 480 * 3);
});

it('tables about fragments go with the fragments, and a length that is odd is padded', async () => {
  const small = { ...picture, rows: 3, columns: 3, bits: 8, stored: 8, frames: 1 } as const;
  const fragment = await encodeFrame(small, 0, 'encodeJpegLs');
  const extra = {
    '7FE00001': { vr: 'OV', InlineBinary: 'AAAAAAAAAAA=' },
    '7FE00002': { vr: 'OV', InlineBinary: 'AAAAAAAAAAA=' },
  };
  const object = encapsulated(small, TransferSyntax.JpegLsLossless, [fragment], { extra });
  const { attributes, pixels } = await open(await transcode(object, EXPLICIT));
  expect(attributes['7FE00001']).toBeUndefined();
  expect(attributes['7FE00002']).toBeUndefined();
  expect([...pixels]).toEqual([...pixelsOf(small, 0), 0]);
});

it('what would be 4 GiB long is refused before its pixels', async () => {
  const huge = { ...picture, rows: 10_000, columns: 10_000, frames: 100 };
  const { dataset } = await transcode(encapsulated(huge, TransferSyntax.Jpeg2000Lossless, []), EXPLICIT);
  await expect(collect(dataset)).rejects.toMatchObject({ code: 'UNSUPPORTED' });
});
