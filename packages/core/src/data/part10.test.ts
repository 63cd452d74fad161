import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DicomError } from '../errors.ts';
import type { DicomInstance } from '../transfer/types.ts';
import { attributesFrom, textOf } from './attribute-access.ts';
import { concatBytes } from './bytes.ts';
import { decodeDataset, encodeDataset } from './dataset.ts';
import {
  encodeFileMeta,
  IMPLEMENTATION_CLASS_UID,
  IMPLEMENTATION_VERSION_NAME,
  readPart10,
  writePart10,
} from './part10.ts';
import { SopClass } from './sop-class.ts';
import { bytesOf, chunksOf, collect, watch } from './testing/data-sets.ts';
import { TransferSyntax } from './transfer-syntax.ts';
import { isValidUid } from './uid.ts';

const uids = { sopClassUid: SopClass.CtImageStorage, sopInstanceUid: '1.2.3.4' };
const attributes = attributesFrom({
  SpecificCharacterSet: 'ISO_IR 100',
  SOPClassUID: uids.sopClassUid,
  SOPInstanceUID: uids.sopInstanceUid,
  PatientID: '1',
  PixelData: new Uint8Array(1000),
});

function datasetIn(transferSyntaxUid: string): Uint8Array {
  return encodeDataset(attributes, { transferSyntaxUid });
}

function fileIn(transferSyntaxUid: string): Uint8Array {
  return concatBytes([encodeFileMeta({ ...uids, transferSyntaxUid }), datasetIn(transferSyntaxUid)]);
}

const {
  ExplicitVrLittleEndian,
  ImplicitVrLittleEndian,
  ExplicitVrBigEndian,
  DeflatedExplicitVrLittleEndian,
} = TransferSyntax;

describe('encodeFileMeta', () => {
  it('writes a preamble of zeros, the magic word and group 0002 with its length (PS3.10 §7.1)', () => {
    const bytes = encodeFileMeta({
      ...uids,
      transferSyntaxUid: ExplicitVrLittleEndian,
      sourceAeTitle: 'ADIT',
    });
    expect(bytes.subarray(0, 128)).toEqual(new Uint8Array(128));
    expect(bytes.subarray(128, 132)).toEqual(bytesOf('"DICM"'));
    const meta = decodeDataset(bytes.subarray(132), { transferSyntaxUid: ExplicitVrLittleEndian });
    expect(meta).toEqual(
      attributesFrom({
        FileMetaInformationGroupLength: bytes.length - 132 - 12,
        FileMetaInformationVersion: Uint8Array.of(0, 1),
        MediaStorageSOPClassUID: uids.sopClassUid,
        MediaStorageSOPInstanceUID: uids.sopInstanceUid,
        TransferSyntaxUID: ExplicitVrLittleEndian,
        ImplementationClassUID: IMPLEMENTATION_CLASS_UID,
        ImplementationVersionName: IMPLEMENTATION_VERSION_NAME,
        SourceApplicationEntityTitle: 'ADIT',
      }),
    );
  });

  it('names an implementation as PS3.7 §D.3.3.2 asks', () => {
    expect(isValidUid(IMPLEMENTATION_CLASS_UID)).toBe(true);
    expect(IMPLEMENTATION_VERSION_NAME).toMatch(/^[\x20-\x7e]{1,16}$/);
  });
});

describe('readPart10', () => {
  it.each([
    ExplicitVrLittleEndian,
    ImplicitVrLittleEndian,
    ExplicitVrBigEndian,
    DeflatedExplicitVrLittleEndian,
  ])(
    'gives the instance of a file in %s, and its data set untouched, whatever chunks it comes in',
    async (transferSyntaxUid) => {
      const file = fileIn(transferSyntaxUid);
      const dataset = datasetIn(transferSyntaxUid);
      for (const size of [1, 7, 200, file.length]) {
        const instance = await readPart10(chunksOf(file, size), { byteLength: file.length });
        expect(instance).toMatchObject({ ...uids, transferSyntaxUid, byteLength: dataset.length });
        expect(instance.datasetOffset).toBe(file.length - dataset.length);
        expect(textOf(instance.meta, 'ImplementationVersionName')).toBe(IMPLEMENTATION_VERSION_NAME);
        expect(await collect(instance.dataset)).toEqual(dataset);
      }
    },
  );

  it('reads what writePart10 wrote', async () => {
    const instance: DicomInstance = {
      ...uids,
      transferSyntaxUid: ImplicitVrLittleEndian,
      dataset: chunksOf(datasetIn(ImplicitVrLittleEndian), 100),
    };
    const read = await readPart10(writePart10(instance, { sourceAeTitle: 'ADIT' }));
    expect(textOf(read.meta, 'SourceApplicationEntityTitle')).toBe('ADIT');
    expect(await collect(read.dataset)).toEqual(datasetIn(ImplicitVrLittleEndian));
  });

  it.each([
    ['no preamble, but the magic word', () => fileIn(ExplicitVrLittleEndian).subarray(128)],
    ['neither preamble nor magic word', () => fileIn(ExplicitVrLittleEndian).subarray(132)],
    ['a preamble alone', () => concatBytes([new Uint8Array(128), datasetIn(ExplicitVrLittleEndian)])],
    [
      'preamble and magic word alone',
      () => concatBytes([new Uint8Array(128), bytesOf('"DICM"'), datasetIn(ExplicitVrLittleEndian)]),
    ],
    ['nothing in front', () => datasetIn(ExplicitVrLittleEndian)],
    ['a stray byte in front', () => concatBytes([bytesOf('20'), datasetIn(ExplicitVrLittleEndian)])],
    ['two stray bytes in front', () => concatBytes([bytesOf('0D0A'), datasetIn(ExplicitVrLittleEndian)])],
  ])('reads a file with %s', async (_what, file) => {
    const instance = await readPart10(chunksOf(file(), 50));
    expect(instance).toMatchObject({ ...uids, transferSyntaxUid: ExplicitVrLittleEndian });
    expect(await collect(instance.dataset)).toEqual(datasetIn(ExplicitVrLittleEndian));
  });

  it.each([ImplicitVrLittleEndian, ExplicitVrBigEndian])(
    'tells %s without File Meta Information',
    async (syntax) => {
      const instance = await readPart10(chunksOf(datasetIn(syntax), 50));
      expect(instance).toMatchObject({ ...uids, transferSyntaxUid: syntax, meta: {} });
      expect(await collect(instance.dataset)).toEqual(datasetIn(syntax));
    },
  );

  it('trusts the bytes where explicit and implicit VR were mixed up', async () => {
    for (const [said, is] of [
      [ImplicitVrLittleEndian, ExplicitVrLittleEndian],
      [ExplicitVrLittleEndian, ImplicitVrLittleEndian],
    ] as const) {
      const file = concatBytes([encodeFileMeta({ ...uids, transferSyntaxUid: said }), datasetIn(is)]);
      expect((await readPart10(chunksOf(file, 100))).transferSyntaxUid).toBe(is);
    }
  });

  it('does not rely on the group length', async () => {
    const file = fileIn(ExplicitVrLittleEndian);
    file.fill(0, 140, 144);
    const instance = await readPart10(chunksOf(file, 100));
    expect(await collect(instance.dataset)).toEqual(datasetIn(ExplicitVrLittleEndian));
  });

  it('takes UIDs that the meta information lacks from the data set', async () => {
    const meta = encodeFileMeta({
      ...uids,
      sopClassUid: '',
      sopInstanceUid: '',
      transferSyntaxUid: DeflatedExplicitVrLittleEndian,
    });
    const file = concatBytes([meta, datasetIn(DeflatedExplicitVrLittleEndian)]);
    const instance = await readPart10(chunksOf(file, 100));
    expect(instance).toMatchObject(uids);
    expect(await collect(instance.dataset)).toEqual(datasetIn(DeflatedExplicitVrLittleEndian));
  });

  it.each<[string, Uint8Array, string]>([
    ['an empty file', new Uint8Array(0), 'NOT_DICOM'],
    ['zeros', new Uint8Array(1000), 'NOT_DICOM'],
    ['a text', bytesOf('"Hello world, this is a text that has nothing to do with DICOM."'), 'NOT_DICOM'],
    [
      'a text that has the letters of a VR where an element would',
      bytesOf('"THISIS NOT AN INTEGER STRING"'),
      'NOT_DICOM',
    ],
    ['a JPEG image', bytesOf('FFD8FFE000104A46494600010100000100010000FFDB004300'), 'NOT_DICOM'],
    ['a PNG image', bytesOf('89504E470D0A1A0A0000000D494844520000020000000200'), 'NOT_DICOM'],
    ['a ZIP archive', bytesOf('504B0304140000000800000021000000000000000000000000'), 'NOT_DICOM'],
    ['a PDF', bytesOf('"%PDF-1.7" 0A25E2E3CFD30A312030206F626A'), 'NOT_DICOM'],
    [
      'a file that ends in its meta information',
      fileIn(ExplicitVrLittleEndian).subarray(0, 200),
      'TRUNCATED',
    ],
    [
      'a file that names no instance',
      concatBytes([
        encodeFileMeta({ sopClassUid: '', sopInstanceUid: '', transferSyntaxUid: ExplicitVrLittleEndian }),
        bytesOf('1000 2000 "LO" 0200 "1 "'),
      ]),
      'MALFORMED',
    ],
    [
      'meta information of 4 GiB',
      concatBytes([new Uint8Array(128), bytesOf('"DICM" 0200 0201 "OB" 0000 FEFFFFFF')]),
      'TOO_LARGE',
    ],
  ])('refuses %s, and ends the source', async (_what, file, code) => {
    const source = watch(chunksOf(file, 16));
    await expect(readPart10(source)).rejects.toMatchObject({ code });
    expect(source.open).toBe(false);
  });

  it('gives an instance or a DicomError whatever bytes it is given', async () => {
    const file = fileIn(ExplicitVrLittleEndian);
    const changed = fc
      .tuple(fc.nat({ max: file.length - 1 }), fc.nat({ max: 255 }))
      .map(([at, byte]) => Uint8Array.from(file, (old, i) => (i === at ? byte : old)));
    await fc.assert(
      fc.asyncProperty(fc.oneof(fc.uint8Array({ maxLength: 300 }), changed), async (bytes) => {
        try {
          await collect((await readPart10(chunksOf(bytes, 64))).dataset);
        } catch (error) {
          expect(['NOT_DICOM', 'MALFORMED', 'TRUNCATED', 'TOO_LARGE']).toContain(
            (error as { code: string }).code,
          );
        }
      }),
      { numRuns: 500 },
    );
  });

  it('ends the source when the data set is left early, or never read', async () => {
    const file = fileIn(ExplicitVrLittleEndian);
    const left = watch(chunksOf(file, 16));
    for await (const _ of (await readPart10(left)).dataset) break;
    expect(left.open).toBe(false);

    const unread = watch(chunksOf(file, 16));
    await (await readPart10(unread)).dataset[Symbol.asyncIterator]().return?.();
    expect(unread.open).toBe(false);
  });

  it('does not take an error of the source for bytes that are no DICOM', async () => {
    async function* broken() {
      yield datasetIn(ExplicitVrLittleEndian).subarray(0, 20);
      throw new DicomError('FILE', 'The file can not be read.');
    }
    await expect(readPart10(broken())).rejects.toMatchObject({ code: 'FILE' });
  });

  it('passes an error of the source on', async () => {
    async function* broken() {
      yield fileIn(ExplicitVrLittleEndian).subarray(0, 700);
      throw new Error('disk');
    }
    const instance = await readPart10(broken());
    await expect(collect(instance.dataset)).rejects.toThrow('disk');
  });
});
