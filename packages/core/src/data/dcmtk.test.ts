import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, type TestContext } from 'vitest';
import type { DicomInstance } from '../transfer/types.ts';
import { attributesFrom } from './attribute-access.ts';
import type { Attributes } from './attributes.ts';
import { encodeBase64 } from './base64.ts';
import { decodeDataset, encodeDataset } from './dataset.ts';
import { readPart10, writePart10 } from './part10.ts';
import { SopClass } from './sop-class.ts';
import { bytesOf, chunksOf, collect } from './testing/data-sets.ts';
import { comparable, dcm2json, hasDcmtk, run, withFolder } from './testing/dcmtk.ts';
import { TransferSyntax } from './transfer-syntax.ts';

// What we write, read by DCMTK, and the other way round.

const uids = { sopClassUid: SopClass.SecondaryCaptureImageStorage, sopInstanceUid: '1.2.3.4' };

/** An attribute of each VR, nested, private, empty and with several values. */
const attributes: Attributes = {
  ...attributesFrom({
    SOPClassUID: uids.sopClassUid,
    SOPInstanceUID: uids.sopInstanceUid,
    ImageType: ['DERIVED', 'SECONDARY'],
    StudyDate: '20240229',
    StudyTime: '101500.5',
    AcquisitionDateTime: '20240229101500+0100',
    AccessionNumber: '',
    RetrieveAETitle: 'ARCHIVE',
    ReferencedImageSequence: [{ ReferencedSOPInstanceUID: '1.2.3' }, {}],
    ReferencedStudySequence: [],
    PatientName: 'Mustermann^Jörg',
    PatientID: '1',
    PatientAge: '045Y',
    PatientWeight: 61.5,
    PatientComments: 'zwei\r\nZeilen',
    FrameIncrementPointer: '00181063',
    Rows: 1,
    Columns: 2,
    BitsAllocated: 8,
    InstanceNumber: 4,
    ReferencePixelX0: -5,
    ReferencePixelPhysicalValueX: -0.1,
    ExaminedBodyThickness: 1.5,
    SimpleFrameList: [1, 4294967295],
    RetrieveURL: 'http://127.0.0.1/studies/1',
    LongCodeValue: 'LONG',
    TextValue: 'Text',
    PixelData: bytesOf('0102'),
  }),
  '00280106': { vr: 'SS', Value: [-1] },
  '00280103': { vr: 'US', Value: [1] },
  '00660016': { vr: 'OF', InlineBinary: encodeBase64(bytesOf('0000803F')) },
  '7FE00001': { vr: 'OV', InlineBinary: encodeBase64(bytesOf('0100000000000000')) },
};

/** In explicit VR, what the dictionary does not know too. */
const withPrivate: Attributes = {
  ...attributes,
  '00091001': { vr: 'LO', Value: ['private'] },
  '00090010': { vr: 'LO', Value: ['ADIT TEST'] },
  '00091002': { vr: 'SQ', Value: [{ '00090010': { vr: 'LO', Value: ['ADIT TEST'] } }] },
  '00091003': { vr: 'UN', InlineBinary: encodeBase64(bytesOf('0102')) },
};

const syntaxes = [
  [TransferSyntax.ExplicitVrLittleEndian, '+te', withPrivate],
  [TransferSyntax.ImplicitVrLittleEndian, '+ti', attributes],
  [TransferSyntax.ExplicitVrBigEndian, '+tb', withPrivate],
  [TransferSyntax.DeflatedExplicitVrLittleEndian, '+td', withPrivate],
] as const;

const characterSets = ['ISO_IR 100', 'ISO_IR 148', 'ISO_IR 192', 'GB18030'];

function needsDcmtk(context: TestContext): void {
  if (!hasDcmtk) context.skip('DCMTK is not installed');
}

async function fileOf(
  content: Attributes,
  transferSyntaxUid: string,
  definedLengths = true,
): Promise<Uint8Array> {
  const bytes = encodeDataset(content, { transferSyntaxUid, definedLengths });
  const instance: DicomInstance = { ...uids, transferSyntaxUid, dataset: chunksOf(bytes, 4096) };
  return collect(writePart10(instance));
}

describe.each(syntaxes)('in %s', (transferSyntaxUid, option, content) => {
  it('DCMTK reads what we write, in any character set and with lengths or delimiters', async (context) => {
    needsDcmtk(context);
    for (const term of characterSets) {
      for (const definedLengths of [true, false]) {
        const written = { ...content, ...attributesFrom({ SpecificCharacterSet: term }) };
        const file = await fileOf(written, transferSyntaxUid, definedLengths);
        const read = withFolder((folder) => {
          const path = join(folder, 'ours.dcm');
          writeFileSync(path, file);
          return dcm2json(path);
        });
        expect(comparable(read!), term).toEqual(comparable(written));
      }
    }
  });

  it('we read what DCMTK writes', async (context) => {
    needsDcmtk(context);
    const written = { ...content, ...attributesFrom({ SpecificCharacterSet: 'ISO_IR 100' }) };
    const file = await fileOf(written, TransferSyntax.ExplicitVrLittleEndian);
    const theirs = withFolder((folder) => {
      const [from, to] = [join(folder, 'from.dcm'), join(folder, 'to.dcm')];
      writeFileSync(from, file);
      expect(run('dcmconv', option, from, to), 'dcmconv').toBeDefined();
      return new Uint8Array(readFileSync(to));
    });
    const instance = await readPart10(chunksOf(theirs, 1000));
    expect(instance.transferSyntaxUid).toBe(transferSyntaxUid);
    const read = decodeDataset(await collect(instance.dataset), { transferSyntaxUid });
    expect(comparable(read)).toEqual(comparable(written));
  });
});
