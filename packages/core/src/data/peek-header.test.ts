import { describe, expect, it } from 'vitest';
import type { DicomInstance } from '../transfer/types.ts';
import { attributesFrom } from './attribute-access.ts';
import { encodeDataset } from './dataset.ts';
import { peekHeader } from './peek-header.ts';
import { Tags } from './tags.ts';
import { chunksOf, collect, watch } from './testing/data-sets.ts';
import { TransferSyntax } from './transfer-syntax.ts';

const attributes = attributesFrom({
  SpecificCharacterSet: 'ISO_IR 100',
  SOPInstanceUID: '1.2',
  ReferencedImageSequence: [{ ReferencedSOPInstanceUID: '1.3' }],
  PatientName: 'Jérôme',
  PatientID: '1',
  StudyInstanceUID: '1.4',
  PixelData: new Uint8Array(100_000),
});

function instanceOf(dataset: AsyncIterable<Uint8Array>, transferSyntaxUid: string): DicomInstance {
  return { sopClassUid: '1', sopInstanceUid: '1.2', transferSyntaxUid, dataset };
}

const syntaxes = [
  TransferSyntax.ExplicitVrLittleEndian,
  TransferSyntax.ImplicitVrLittleEndian,
  TransferSyntax.ExplicitVrBigEndian,
  TransferSyntax.DeflatedExplicitVrLittleEndian,
];

describe.each(syntaxes)('in %s', (transferSyntaxUid) => {
  const bytes = encodeDataset(attributes, { transferSyntaxUid });

  it('gives the wanted attributes, decoded, and all bytes again', async () => {
    for (const size of [1, 33, 70_000, bytes.length]) {
      const peeked = await peekHeader(instanceOf(chunksOf(bytes, size), transferSyntaxUid), [
        Tags.PatientName,
        Tags.ReferencedImageSequence,
        Tags.PatientSex,
      ]);
      const { '00100010': name, '00081140': images } = attributes;
      expect(peeked.attributes).toEqual({ '00081140': images, '00100010': name });
      expect(peeked.instance).toMatchObject({ sopInstanceUid: '1.2', transferSyntaxUid });
      expect(await collect(peeked.instance.dataset)).toEqual(bytes);
    }
  });

  it('gives all elements before a tag', async () => {
    const peeked = await peekHeader(instanceOf(chunksOf(bytes, 64), transferSyntaxUid), Tags.PatientID);
    expect(Object.keys(peeked.attributes)).toEqual(['00080005', '00080018', '00081140', '00100010']);
    expect(await collect(peeked.instance.dataset)).toEqual(bytes);
  });
});

const explicit = TransferSyntax.ExplicitVrLittleEndian;
const bytes = encodeDataset(attributes, { transferSyntaxUid: explicit });

it('reads no further than it must', async () => {
  const source = watch(chunksOf(bytes, 16));
  await peekHeader(instanceOf(source, explicit), [Tags.SOPInstanceUID]);
  expect(source.read).toBeLessThanOrEqual(48);
  expect(source.open).toBe(true);
});

it('reads nothing when nothing is wanted', async () => {
  const source = watch(chunksOf(bytes, 16));
  const peeked = await peekHeader(instanceOf(source, explicit), []);
  expect(source.read).toBe(0);
  expect(peeked.attributes).toEqual({});
  expect(await collect(peeked.instance.dataset)).toEqual(bytes);
});

it('leaves pixel data out', async () => {
  const peeked = await peekHeader(instanceOf(chunksOf(bytes, 1000), explicit), 0xfffcfffc);
  expect(Object.keys(peeked.attributes)).not.toContain('7FE00010');
  expect(await collect(peeked.instance.dataset)).toEqual(bytes);
});

it('gives up, and ends the source, when what is wanted does not come', async () => {
  const source = watch(chunksOf(bytes, 1000));
  const peeked = peekHeader(instanceOf(source, explicit), [0xfffcfffc], { maxBytes: 5000 });
  await expect(peeked).rejects.toMatchObject({ code: 'TOO_LARGE' });
  expect(source.open).toBe(false);
});

it('throws what reading throws, and ends the source', async () => {
  const source = watch(chunksOf(bytes.subarray(0, 100), 10));
  const peeked = peekHeader(instanceOf(source, explicit), [Tags.PixelData]);
  await expect(peeked).rejects.toMatchObject({ code: 'TRUNCATED' });
  expect(source.open).toBe(false);
});

it('ends the source when the instance it gives is refused', async () => {
  const source = watch(chunksOf(bytes, 16));
  const { instance } = await peekHeader(instanceOf(source, explicit), [Tags.SOPInstanceUID]);
  await instance.dataset[Symbol.asyncIterator]().return?.();
  expect(source.open).toBe(false);
});
