import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type Attributes,
  type AttributesInput,
  attributesFrom,
  decodeDataset,
  encodeDataset,
  SopClass,
  TransferSyntax,
  textOf,
} from '@adit/core';
import { syntheticStudy } from '@adit/core/synthetic';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { decodeCommandSet } from '../command-set.ts';
import { associateRequest, scriptedClient } from '../testing/scripted-peer.ts';
import { type ArchiveScp, createArchiveScp } from './create-archive-scp.ts';

const EXPLICIT = TransferSyntax.ExplicitVrLittleEndian;
const PATIENT_STUDY_ONLY_FIND = '1.2.840.10008.5.1.4.1.2.3.1';
const PATIENT_STUDY_ONLY_MOVE = '1.2.840.10008.5.1.4.1.2.3.2';

let folder: string;
let archive: ArchiveScp;

/** Three studies of two patients, told apart by their Study IDs. */
const studies = [
  syntheticStudy({
    seed: 'A',
    patient: { id: 'P1', name: 'Doe^John' },
    study: { id: 'A', date: '20240114' },
    series: [{ kind: 'CT', rows: 16, instances: 2 }, { kind: 'SR' }],
  }),
  syntheticStudy({
    seed: 'B',
    patient: { id: 'P1', name: 'Doe^John' },
    study: { id: 'B', date: '20240115' },
    series: [{ kind: 'MR', rows: 16 }],
  }),
  syntheticStudy({
    seed: 'C',
    patient: { id: 'P2', name: 'Roe^Jane' },
    study: { id: 'C', date: '20240116' },
    series: [{ kind: 'US', rows: 16 }],
  }),
];
/** Changed after the fact: times, and what is only in one of them. */
const changes: Record<string, AttributesInput> = {
  A: { StudyTime: '230000', AccessionNumber: 'ACC-1' },
  B: {
    StudyTime: '010000',
    AccessionNumber: '',
    ProcedureCodeSequence: [{ CodeValue: 'X1', CodingSchemeDesignator: '99A', CodeMeaning: 'Knee' }],
  },
  C: {
    StudyTime: '120000',
    AccessionNumber: 'ACC-3',
    ProcedureCodeSequence: [
      { CodeValue: 'X2', CodingSchemeDesignator: '99A', CodeMeaning: 'Hip' },
      { CodeValue: 'X3', CodingSchemeDesignator: '99B', CodeMeaning: 'Foot' },
    ],
  },
};

const uid = (study: number, keyword: string, instance = 0) =>
  textOf(studies[study]![instance]!.attributes, keyword)!;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'adit-query-'));
  archive = await createArchiveScp({ folder, aeTitle: 'ARCHIVE' });
  for (const instance of studies.flat()) {
    const id = textOf(instance.attributes, 'StudyID')!;
    const pieces: Uint8Array[] = [];
    for await (const chunk of instance.dataset) pieces.push(chunk);
    const { transferSyntaxUid } = instance;
    const dataset = {
      ...decodeDataset(Buffer.concat(pieces), { transferSyntaxUid }),
      ...attributesFrom(changes[id]!),
    };
    const bytes = encodeDataset(dataset, { transferSyntaxUid });
    const changed = {
      ...instance,
      dataset: (async function* () {
        yield bytes;
      })(),
    };
    expect(await archive.archive.store(changed)).toMatchObject({ state: 'stored' });
  }
});
afterAll(async () => {
  await archive?.close();
  await rm(folder, { recursive: true });
});

interface Question {
  level?: 'PATIENT' | 'STUDY' | 'SERIES' | 'IMAGE';
  model?: string;
  /** Bytes of the SOP class extended negotiation. */
  extended?: readonly number[];
}

/** Asks by C-FIND, byte by byte. */
async function ask(keys: AttributesInput, question: Question = {}) {
  const { level = 'STUDY', model = SopClass.StudyRootFind, extended } = question;
  const peer = await scriptedClient(archive.port);
  const request = associateRequest([[model, EXPLICIT]], { calledAeTitle: 'ARCHIVE' });
  if (extended) {
    request.userInformation = {
      ...request.userInformation,
      extendedNegotiation: [{ sopClassUid: model, information: Uint8Array.from(extended) }],
    };
  }
  peer.send(request);
  const { userInformation } = await peer.expect('A-ASSOCIATE-AC');
  const identifier = attributesFrom({ QueryRetrieveLevel: level, ...keys });
  peer.sendMessage(
    1,
    { commandField: 0x0020, messageId: 1, priority: 0, affectedSopClassUid: model },
    encodeDataset(identifier, { transferSyntaxUid: EXPLICIT }),
  );
  const matches: Attributes[] = [];
  const statuses = new Set<number>();
  for (;;) {
    const { command, dataset } = await peer.receiveMessage();
    const { status = 0 } = decodeCommandSet(command);
    if (status !== 0xff00 && status !== 0xff01) {
      peer.socket.destroy();
      const agreed = userInformation.extendedNegotiation?.map(({ information }) => [...information]);
      return { matches, statuses: [...statuses], status, agreed };
    }
    statuses.add(status);
    matches.push(decodeDataset(dataset, { transferSyntaxUid: EXPLICIT }));
  }
}

async function idsOf(keys: AttributesInput, question?: Question): Promise<string> {
  const { matches } = await ask({ StudyID: '', ...keys }, question);
  return matches.map((match) => textOf(match, 'StudyID')).join('');
}

describe('matching (PS3.4 §C.2.2.2)', () => {
  test.each<[string, AttributesInput, string]>([
    ['single values', { PatientID: 'P1' }, 'AB'],
    ['single values, case counting', { PatientID: 'p1' }, ''],
    ['single values of names, case not counting', { PatientName: 'doe^john' }, 'AB'],
    ['lists of UIDs', { StudyInstanceUID: [uid(0, 'StudyInstanceUID'), uid(2, 'StudyInstanceUID')] }, 'AC'],
    ['no wildcards in UIDs', { StudyInstanceUID: ['1.*'] }, ''],
    ['nothing, which is universal', { AccessionNumber: '' }, 'ABC'],
    ['an asterisk, which is universal', { AccessionNumber: '*' }, 'ABC'],
    ['wildcards for any run', { AccessionNumber: 'ACC*' }, 'AC'],
    ['wildcards for one character', { AccessionNumber: 'ACC-?' }, 'AC'],
    ['wildcards for one character only', { AccessionNumber: 'ACC?' }, ''],
    ['two quotation marks, which ask for nothing', { AccessionNumber: '""' }, 'B'],
    ['ranges of dates', { StudyDate: '20240114-20240115' }, 'AB'],
    ['ranges of dates from a day on', { StudyDate: '20240115-' }, 'BC'],
    ['ranges of dates up to a day', { StudyDate: '-20240115' }, 'AB'],
    ['ranges of times', { StudyTime: '1200-2300' }, 'AC'],
    ['ranges of dates and times apart', { StudyDate: '20240114-20240115', StudyTime: '2200-0200' }, ''],
    ['sequences by one key', { ProcedureCodeSequence: [{ CodeValue: 'X2' }] }, 'C'],
    [
      'sequences by keys that one item must match',
      { ProcedureCodeSequence: [{ CodeValue: 'X2', CodingSchemeDesignator: '99B' }] },
      '',
    ],
    ['sequences by wildcards', { ProcedureCodeSequence: [{ CodeMeaning: '?o*' }] }, 'C'],
    ['sequences without keys, which is universal', { ProcedureCodeSequence: [{ CodeValue: '' }] }, 'ABC'],
    ['empty sequences, which is universal', { ProcedureCodeSequence: [] }, 'ABC'],
    ['modalities of a study', { ModalitiesInStudy: 'SR' }, 'A'],
    ['all keys together', { PatientID: 'P1', StudyDate: '20240115-', ModalitiesInStudy: 'MR' }, 'B'],
  ])('goes by %s', async (_, keys, expected) => {
    expect(await idsOf(keys)).toBe(expected);
  });

  test('answers with those attributes of items that were asked for', async () => {
    const { matches } = await ask({
      ProcedureCodeSequence: [{ CodeMeaning: 'Hip', CodeValue: '', CodingSchemeVersion: '' }],
    });
    expect(matches.map((match) => match['00081032'])).toEqual([
      attributesFrom({
        ProcedureCodeSequence: [
          { CodeMeaning: 'Hip', CodeValue: 'X2', CodingSchemeVersion: '' },
          { CodeMeaning: 'Foot', CodeValue: 'X3', CodingSchemeVersion: '' },
        ],
      })['00081032'],
    ]);
  });

  test('takes dates and times for moments where that was negotiated', async () => {
    const keys = { StudyDate: '20240114-20240115', StudyTime: '2200-0200' };
    expect(await idsOf(keys, { extended: [0, 1] })).toBe('AB');
    expect(await idsOf(keys, { extended: [1, 0] })).toBe('');
    expect((await ask(keys, { extended: [1, 1, 1, 1] })).agreed).toEqual([[1, 1, 0, 0]]);
  });

  test('says FF01 when it ignores a key, and FF00 when not', async () => {
    expect(await ask({ PatientID: 'P1', StudyComments: 'knee' })).toMatchObject({
      statuses: [0xff01],
      matches: { length: 2 },
    });
    expect((await ask({ PatientID: 'P1', RetrieveAETitle: '', InstanceAvailability: '' })).statuses).toEqual([
      0xff00,
    ]);
  });
});

describe('levels', () => {
  test('of all models', async () => {
    const seriesUid = uid(0, 'SeriesInstanceUID');
    const study = { StudyInstanceUID: uid(0, 'StudyInstanceUID') };
    const patientRoot = { model: SopClass.PatientRootFind };
    const patients = await ask({ PatientID: '' }, { ...patientRoot, level: 'PATIENT' });
    expect(patients.matches.map((match) => textOf(match, 'PatientID'))).toEqual(['P1', 'P2']);
    for (const model of [SopClass.PatientRootFind, SopClass.StudyRootFind]) {
      const series = await ask({ ...study, SeriesInstanceUID: '' }, { model, level: 'SERIES' });
      expect(series.matches).toHaveLength(2);
      const images = await ask(
        { ...study, SeriesInstanceUID: seriesUid, SOPInstanceUID: '' },
        { model, level: 'IMAGE' },
      );
      expect(images.matches).toHaveLength(2);
    }
    expect(await idsOf({ PatientID: 'P1' }, { model: PATIENT_STUDY_ONLY_FIND })).toBe('AB');
  });

  test('are asked without the unique keys above them too', async () => {
    const { matches } = await ask({ Modality: 'MR', StudyID: '' }, { level: 'SERIES', extended: [1] });
    expect(matches.map((match) => textOf(match, 'StudyID'))).toEqual(['B']);
  });

  test.each([
    ['PATIENT', SopClass.StudyRootFind],
    ['SERIES', PATIENT_STUDY_ONLY_FIND],
    ['IMAGE', PATIENT_STUDY_ONLY_FIND],
  ] as const)('%s is refused in %s', async (level, model) => {
    expect(await ask({ PatientID: '' }, { level, model })).toMatchObject({ status: 0xa900, matches: [] });
  });

  test('are refused to a C-MOVE in a model that has them not', async () => {
    const peer = await scriptedClient(archive.port);
    peer.send(associateRequest([[PATIENT_STUDY_ONLY_MOVE, EXPLICIT]], { calledAeTitle: 'ARCHIVE' }));
    await peer.expect('A-ASSOCIATE-AC');
    const identifier = attributesFrom({
      QueryRetrieveLevel: 'SERIES',
      SeriesInstanceUID: uid(0, 'SeriesInstanceUID'),
    });
    peer.sendMessage(
      1,
      {
        commandField: 0x0021,
        messageId: 1,
        priority: 0,
        affectedSopClassUid: PATIENT_STUDY_ONLY_MOVE,
        moveDestination: 'X',
      },
      encodeDataset(identifier, { transferSyntaxUid: EXPLICIT }),
    );
    expect(decodeCommandSet((await peer.receiveMessage()).command)).toMatchObject({ status: 0xa900 });
    peer.socket.destroy();
  });
});
