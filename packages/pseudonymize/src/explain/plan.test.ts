import { HeldBackError, Tags, TransferSyntax } from '@adit/core';
import { expect, test } from 'vitest';
import { chunksOf, datasetOf, el, sq, testSopClassUid, testSopInstanceUid } from '../testing/dataset.ts';
import { plan } from './plan.ts';

const key = Uint8Array.from({ length: 32 }, (_, i) => i);

function instance(elements: Parameters<typeof datasetOf>[0]) {
  const transferSyntaxUid = TransferSyntax.ExplicitVrLittleEndian;
  return {
    sopClassUid: testSopClassUid,
    sopInstanceUid: testSopInstanceUid,
    transferSyntaxUid,
    dataset: chunksOf(datasetOf(elements, transferSyntaxUid), 100),
  };
}

const elements = [
  el(Tags.StudyDate, 'DA', '20240115'),
  el(Tags.InstitutionName, 'LO', 'Klinik 7'),
  sq(Tags.ReferencedSeriesSequence, [
    [el(Tags.SeriesInstanceUID, 'UI', '1.2.3')],
    [el(Tags.SeriesInstanceUID, 'UI', '1.2.4')],
  ]),
  el(Tags.PatientName, 'PN', 'Müller^Änne'),
  el(Tags.PatientID, 'LO', '1001-A'),
  sq(Tags.OtherPatientIDsSequence, [[el(Tags.PatientID, 'LO', '1002')]]),
  el(Tags.Rows, 'US', Uint8Array.of(1, 0)),
  el(Tags.PixelData, 'OW', new Uint8Array(100_000)),
];

test('a plan lists what would change, with the original masked', async () => {
  const { changes, kept } = await plan(
    instance([el(Tags.SpecificCharacterSet, 'CS', 'ISO_IR 100'), ...elements]),
    {
      key,
      pseudonym: 'P1',
    },
  );
  const told = changes.map(({ path, change, before, after }) => [path, change, before, after]);
  expect(told).toEqual([
    ['(0008,0018)', 'changed', expect.stringMatching(/^[9.]+$/), expect.stringMatching(/^2\.25\./)],
    ['(0008,0020)', 'emptied', '99999999', undefined],
    ['(0008,0080)', 'changed', 'xxxxxx 9', 'REMOVED'],
    ['(0008,1115)[1]>(0020,000E)', 'changed', '9.9.9', expect.stringMatching(/^2\.25\./)],
    ['(0008,1115)[2]>(0020,000E)', 'changed', '9.9.9', expect.stringMatching(/^2\.25\./)],
    ['(0010,0010)', 'changed', 'xxxxxx^xxxx', 'P1'],
    ['(0010,0020)', 'changed', '9999-x', 'P1'],
    ['(0010,1002)', 'removed', 'sequence', undefined],
    ['(0012,0062)', 'added', undefined, 'YES'],
    ['(0012,0063)', 'added', undefined, expect.stringContaining('PS3.15')],
    ['(0012,0064)', 'added', undefined, 'sequence'],
    ['(0012,0064)[1]>(0008,0100)', 'added', undefined, '113100'],
    ['(0012,0064)[1]>(0008,0102)', 'added', undefined, 'DCM'],
    ['(0012,0064)[1]>(0008,0104)', 'added', undefined, expect.any(String)],
    ['(0028,0303)', 'added', undefined, 'REMOVED'],
  ]);
  expect(changes[1]!.reason).toMatch(/^\(0008,0020\) StudyDate is emptied \(Z\): row/);
  // Character set, SOP class, the sequence of references, rows and pixel data.
  expect(kept).toBe(5);
  expect(JSON.stringify(told.map(([, , ...values]) => values))).not.toMatch(
    /20240115|Klinik|Müller|Änne|1001|1002|1\.2\.[34]\b/,
  );
});

test('what would be held back is held back from planning as well', async () => {
  const document = [...elements.slice(0, 5), el(Tags.EncapsulatedDocument, 'OB', new Uint8Array(4))];
  await expect(plan(instance(document), { key, pseudonym: 'P1' })).rejects.toThrow(HeldBackError);
});
