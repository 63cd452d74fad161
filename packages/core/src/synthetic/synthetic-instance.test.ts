import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { itemsOf, numberOf, textOf } from '../data/attribute-access.ts';
import { decodeDataset } from '../data/dataset.ts';
import { readPart10, writePart10 } from '../data/part10.ts';
import { Tags } from '../data/tags.ts';
import { TransferSyntax } from '../data/transfer-syntax.ts';
import type { DicomInstance } from '../transfer/types.ts';
import { syntheticInstance } from './synthetic-instance.ts';
import { syntheticStudy } from './synthetic-study.ts';
import type { SyntheticInstance, SyntheticKind } from './types.ts';

const run = promisify(execFile);

const kinds: readonly SyntheticKind[] = [
  'CT',
  'MR',
  'US',
  'US-multi-frame',
  'SC',
  'SR',
  'enhanced-CT',
  'enhanced-MR',
];

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'adit-synthetic-'));
});
afterAll(async () => {
  await rm(folder, { recursive: true });
});

async function bytesOf(chunks: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const all: Uint8Array[] = [];
  for await (const chunk of chunks) all.push(chunk);
  return Buffer.concat(all);
}

async function save(instance: DicomInstance, name: string): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, writePart10(instance));
  return path;
}

/** What dicom3tools has against an object: its lines of output without the name of the IOD. */
async function complaints(path: string): Promise<string[]> {
  const { stderr } = await run('dciodvfy', [path]).catch((error: { stderr: string }) => error);
  return stderr.split('\n').filter((line) => /^(error|warning)/i.test(line.trim()));
}

/** The native pixels of a file, as DCMTK reads them. */
async function pixelsByDcmtk(
  path: string,
  convert: 'dcmconv' | 'dcmdrle',
  ...options: string[]
): Promise<Uint8Array> {
  const native = `${path}.native`;
  await run(convert, [...options, path, native]);
  const instance = await readPart10(
    (async function* () {
      yield await readFile(native);
    })(),
  );
  const { transferSyntaxUid } = instance;
  const { [PIXEL_DATA]: pixels } = decodeDataset(await bytesOf(instance.dataset), { transferSyntaxUid });
  return Buffer.from(pixels?.InlineBinary ?? '', 'base64');
}

const PIXEL_DATA = '7FE00010';

describe('syntheticInstance', () => {
  it.each(kinds)('makes a valid %s object in explicit and implicit VR', async (kind) => {
    for (const transferSyntaxUid of [
      TransferSyntax.ExplicitVrLittleEndian,
      TransferSyntax.ImplicitVrLittleEndian,
    ]) {
      const instance = syntheticInstance({ kind, rows: 64, columns: 64, frames: 3, transferSyntaxUid });
      const path = await save(instance, `${kind}-${transferSyntaxUid}`);
      expect(await complaints(path)).toEqual([]);
    }
  });

  it('makes a valid report on the images of its study', async () => {
    const study = syntheticStudy({
      series: [
        { kind: 'CT', instances: 2, rows: 16 },
        { kind: 'MR', rows: 16 },
        { kind: 'SR', findings: 'Größenkonstant.' },
      ],
    });
    const report = study.at(-1)!;
    expect(await complaints(await save(report, 'report'))).toEqual([]);

    const [evidence] = itemsOf(report.attributes, 'CurrentRequestedProcedureEvidenceSequence');
    const referenced = itemsOf(evidence!, 'ReferencedSeriesSequence')
      .flatMap((series) => itemsOf(series, 'ReferencedSOPSequence'))
      .map((item) => textOf(item, 'ReferencedSOPInstanceUID'));
    expect(referenced).toEqual([study[0]!.sopInstanceUid, study[2]!.sopInstanceUid]);
  });

  it.each([
    ['explicit VR big endian', TransferSyntax.ExplicitVrBigEndian, 'dcmconv', '+te'],
    ['deflated', TransferSyntax.DeflatedExplicitVrLittleEndian, 'dcmconv', '+te'],
    ['RLE Lossless', TransferSyntax.RleLossless, 'dcmdrle', '+te'],
  ] as const)('gives DCMTK the same pixels in %s', async (name, transferSyntaxUid, tool, option) => {
    for (const kind of ['CT', 'US', 'enhanced-MR'] as const) {
      const options = { kind, rows: 61, columns: 67, frames: 2 };
      const plain = syntheticInstance(options);
      const expected = decodeDataset(await bytesOf(plain.dataset), plain)[PIXEL_DATA]?.InlineBinary;
      const path = await save(syntheticInstance({ ...options, transferSyntaxUid }), `${name}-${kind}`);
      const pixels = await pixelsByDcmtk(path, tool, option);
      expect(Buffer.from(pixels).toString('base64') === expected).toBe(true);
    }
  });

  it.each(kinds)(
    'knows the length of a %s object beforehand and gives the same bytes each time',
    async (kind) => {
      const options = { kind, rows: 33, columns: 35, frames: 3, seed: 'again' } as const;
      const instance = syntheticInstance(options);
      const once = await bytesOf(instance.dataset);
      expect(instance.byteLength).toBe(once.length);
      expect(Buffer.compare(once, await bytesOf(instance.dataset))).toBe(0);
      expect(Buffer.compare(once, await bytesOf(syntheticInstance(options).dataset))).toBe(0);
    },
  );

  it('gives chunks that belong to their reader', async () => {
    const instance = syntheticInstance({ kind: 'CT', rows: 32 });
    const clean = await bytesOf(instance.dataset);
    for await (const chunk of instance.dataset) chunk.fill(0xff);
    expect(Buffer.compare(await bytesOf(instance.dataset), clean)).toBe(0);
  });

  it('tells in its attributes what the data set says', async () => {
    const instance = syntheticInstance({
      kind: 'enhanced-CT',
      rows: 16,
      frames: 4,
      patient: { name: 'Ünal^Åsa' },
    });
    const dataset = await bytesOf(instance.dataset);
    const decoded = decodeDataset(dataset, { ...instance, stopAt: Tags.PixelData });
    expect(decoded).toEqual(instance.attributes);
    expect(numberOf(decoded, 'NumberOfFrames')).toBe(4);
    expect(itemsOf(decoded, 'PerFrameFunctionalGroupsSequence')).toHaveLength(4);
  });

  it.each([
    ['Doe^Jane', undefined],
    ['Groß^Änne', 'ISO_IR 100'],
    ['Yamada^Tarou=山田^太郎=やまだ^たろう', 'ISO_IR 192'],
  ])('chooses the smallest character set for %s', (name, expected) => {
    const { attributes } = syntheticInstance({ kind: 'SR', patient: { name } });
    expect(textOf(attributes, 'SpecificCharacterSet')).toBe(expected);
  });

  it('writes the name groups of PS3.5 §H.3.1 in a character set with escape sequences', async () => {
    const instance = syntheticInstance({
      kind: 'SR',
      patient: { name: 'Yamada^Tarou=山田^太郎=やまだ^たろう' },
      specificCharacterSet: ['', 'ISO 2022 IR 87'],
    });
    // The example of the standard, byte for byte.
    const expected = 'Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B=\x1b$B$d$^$@\x1b(B^\x1b$B$?$m$&\x1b(B';
    const bytes = Buffer.from(await bytesOf(instance.dataset)).toString('latin1');
    expect(bytes).toContain(expected);
  });

  it('leaves out times and the birth date where they are empty', async () => {
    const instance = syntheticInstance({
      kind: 'CT',
      rows: 16,
      patient: { birthDate: '' },
      study: { time: '' },
    });
    expect(textOf(instance.attributes, 'StudyTime')).toBeUndefined();
    expect(textOf(instance.attributes, 'PatientBirthDate')).toBeUndefined();
    expect(textOf(instance.attributes, 'PatientAge')).toBeUndefined();
    // Valid without (both are of Type 2), though no entry of a media directory could be made of it.
    expect(await complaints(await save(instance, 'no-time'))).toEqual([
      expect.stringContaining('needed to build DICOMDIR - Study Time'),
    ]);
  });

  it('adds and replaces attributes', async () => {
    const { attributes } = syntheticInstance({
      kind: 'SC',
      rows: 16,
      attributes: { '00090010': { vr: 'LO', Value: ['ACME'] }, '00080070': { vr: 'LO', Value: ['Other'] } },
    });
    expect(textOf(attributes, '00090010')).toBe('ACME');
    expect(textOf(attributes, 'Manufacturer')).toBe('Other');
  });

  it('refuses a transfer syntax it cannot write', () => {
    expect(() =>
      syntheticInstance({ kind: 'CT', transferSyntaxUid: TransferSyntax.JpegBaseline8Bit }),
    ).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }));
  });
});

describe('syntheticStudy', () => {
  const uidsOf = (instances: readonly SyntheticInstance[], keyword: string) =>
    new Set(instances.map(({ attributes }) => textOf(attributes, keyword)));

  it('makes one study of the given series and instances', () => {
    const study = syntheticStudy({
      seed: 'one',
      series: [
        { kind: 'CT', instances: 4, rows: 16 },
        { kind: 'CT', instances: 3, rows: 16 },
      ],
    });
    expect(study).toHaveLength(7);
    expect(uidsOf(study, 'StudyInstanceUID').size).toBe(1);
    expect(uidsOf(study, 'FrameOfReferenceUID').size).toBe(1);
    expect(uidsOf(study, 'SeriesInstanceUID').size).toBe(2);
    expect(uidsOf(study, 'SOPInstanceUID').size).toBe(7);
    expect(study.map(({ attributes }) => numberOf(attributes, 'InstanceNumber'))).toEqual([
      1, 2, 3, 4, 1, 2, 3,
    ]);
    // Slices lie apart, and no two have the same pixels.
    expect(new Set(study.slice(0, 4).map(({ attributes }) => textOf(attributes, 'SliceLocation'))).size).toBe(
      4,
    );
  });

  it('draws each slice differently', async () => {
    const study = syntheticStudy({ series: [{ kind: 'CT', instances: 3, rows: 64 }] });
    const pixels = await Promise.all(
      study.map(async ({ dataset, byteLength }) =>
        Buffer.from((await bytesOf(dataset)).subarray(byteLength! - 64 * 64 * 2)).toString('base64'),
      ),
    );
    expect(new Set(pixels).size).toBe(3);
  });

  it('shares no UID with the study of another seed', () => {
    const uids = ['a', 'b'].flatMap((seed) =>
      syntheticStudy({ seed }).flatMap(({ attributes }) =>
        ['StudyInstanceUID', 'SeriesInstanceUID', 'SOPInstanceUID', 'FrameOfReferenceUID'].map((keyword) =>
          textOf(attributes, keyword),
        ),
      ),
    );
    // Three slices each: one study, series and frame of reference UID three times.
    expect(new Set(uids).size).toBe(2 * (3 + 3));
  });
});
