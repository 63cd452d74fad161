import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import type { Attributes } from '../data/attributes.ts';
import type { Query, Queryable } from '../query/types.ts';
import { Ledger, type LedgerRecord } from './ledger.ts';
import { transfer } from './transfer.ts';
import type { DicomInstance, InstanceSink, InstanceSource, Selection, Verifier } from './types.ts';

const STUDY = '1.2.3';
const CT = '1.2.840.10008.5.1.4.1.1.2';
const selection: Selection = { studyInstanceUid: STUDY };

/** Series with their instances; may be changed while it is being read. */
type Content = Map<string, string[]>;

const content = (series: Record<string, string[]>): Content => new Map(Object.entries(series));

const instancesOf = (held: Content): string[] => [...held.values()].flat();

/** SOP Instance UID in explicit VR little endian, then eight bytes of pixel data (7FE0,0010) OW. */
function instance(sop: string): DicomInstance {
  const value = new TextEncoder().encode(sop.length % 2 ? `${sop}\0` : sop);
  const bytes = new Uint8Array([
    ...[8, 0, 0x18, 0, 0x55, 0x49, value.length, 0, ...value],
    ...[0xe0, 0x7f, 0x10, 0, 0x4f, 0x57, 0, 0, 8, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8],
  ]);
  return {
    sopClassUid: CT,
    sopInstanceUid: sop,
    transferSyntaxUid: '1.2.840.10008.1.2.1',
    dataset: (async function* () {
      yield bytes;
    })(),
  };
}

/** Answers as an archive with this content does, and takes down what it was asked to deliver. */
function archive(held: Content, options: { patientId?: string; afterEach?: (sent: number) => void } = {}) {
  const asked: Selection[] = [];
  const text = (value: string) => ({ vr: 'UI' as const, Value: [value] });
  const source: InstanceSource & Queryable = {
    async *find(query: Query): AsyncGenerator<Attributes> {
      const { PatientID, SeriesInstanceUID } = query.keys;
      if (PatientID && PatientID !== options.patientId) return;
      const study = {
        '0020000D': text(STUDY),
        '00100020': { vr: 'LO' as const, Value: [options.patientId ?? ''] },
      };
      if (query.level === 'STUDY') yield study;
      for (const [uid, sops] of held) {
        const count = { '00201209': { vr: 'IS' as const, Value: [sops.length] } };
        if (query.level === 'SERIES') yield { ...study, ...count, '0020000E': text(uid) };
        if (query.level === 'IMAGE' && SeriesInstanceUID === uid) {
          for (const sop of sops) yield { '00080016': text(CT), '00080018': text(sop) };
        }
      }
    },
    async *retrieve(wanted) {
      asked.push(wanted);
      let sent = 0;
      for (const [uid, sops] of [...held]) {
        if (wanted.seriesInstanceUids && !wanted.seriesInstanceUids.includes(uid)) continue;
        for (const sop of [...sops]) {
          if (wanted.sopInstanceUids && !wanted.sopInstanceUids.includes(sop)) continue;
          yield instance(sop);
          sent += 1;
          options.afterEach?.(sent);
        }
      }
    },
  };
  return { source, asked };
}

/** Takes everything, under the UIDs it comes with. */
function destination() {
  const held: Content = new Map([['1.2.3.1', []]]);
  const sink: InstanceSink = {
    async store({ sopInstanceUid, dataset }) {
      for await (const _ of dataset);
      held.get('1.2.3.1')!.push(sopInstanceUid);
      return { state: 'stored', status: 0 };
    },
  };
  const verify: Verifier = async ({ instances }) => {
    const missing = instances
      .map(({ sopInstanceUid }) => sopInstanceUid)
      .filter((uid) => !instancesOf(held).includes(uid));
    return { verification: 'image', verified: instances.length - missing.length, missing };
  };
  return { sink, held, verify };
}

describe('a transfer that goes on where another ended', () => {
  const study = () => content({ '1.2.3.1': ['1.1', '1.2', '1.3'], '1.2.3.2': ['2.1'], '1.2.3.3': ['3.1'] });

  test('asks the source for the series it lacks', async () => {
    const { source, asked } = archive(study());
    const ledger = new Ledger({
      records: ['1.1', '1.2', '1.3', '2.1'].map((sop) => ({ sop, state: 'stored' })),
    });
    const { sink, held } = destination();
    const result = await transfer({ source, sink, selection, ledger });
    expect(result).toMatchObject({ ok: true, counts: { expected: 5, received: 1, stored: 1, skipped: 4 } });
    expect(asked).toEqual([{ studyInstanceUid: STUDY, seriesInstanceUids: ['1.2.3.3'] }]);
    expect(instancesOf(held)).toEqual(['3.1']);
  });

  test('asks for single instances where a series is there in part', async () => {
    const { source, asked } = archive(study());
    const ledger = new Ledger({
      records: ['1.1', '1.3', '2.1'].map((sop) => ({ sop, state: 'stored' })),
    });
    const result = await transfer({ source, sink: destination().sink, selection, ledger });
    expect(result).toMatchObject({ ok: true, counts: { expected: 5, received: 2, stored: 2, skipped: 3 } });
    expect(asked[0]?.sopInstanceUids).toEqual(['1.2', '3.1']);
  });

  test('asks for nothing when nothing lacks, and still looks whether it is there', async () => {
    const { source, asked } = archive(study());
    const { sink, held, verify } = destination();
    const first = new Ledger();
    await transfer({ source, sink, selection, ledger: first });
    asked.length = 0;
    held.get('1.2.3.1')!.splice(0, 1);
    const ledger = new Ledger({ records: first.records() });
    const second = await transfer({ source, sink, selection, ledger, verify });
    expect(asked).toEqual([]);
    expect(second).toMatchObject({ ok: false, retryable: true, counts: { skipped: 4, failed: 1 } });
    // What had got lost is sent again by the next attempt.
    const third = await transfer({ source, sink, selection, ledger, verify });
    expect(third).toMatchObject({ ok: true, counts: { stored: 1, skipped: 4 } });
    expect(instancesOf(held).toSorted()).toEqual(instancesOf(study()));
  });

  test('looks for what an earlier attempt stored under the UID it was given', async () => {
    const { source } = archive(content({ '1.2.3.1': ['1.1', '1.2'] }));
    const asked: string[] = [];
    const ledger = new Ledger({
      records: [
        { sop: '1.1', newSop: '9.1', state: 'stored' },
        { sop: '1.2', state: 'stored' },
      ],
    });
    await transfer({
      source,
      sink: destination().sink,
      selection,
      ledger,
      transforms: [Object.assign((one: DicomInstance) => one, { mapUid: (uid: string) => `${uid}.9` })],
      verify: async ({ instances }) => {
        asked.push(...instances.map(({ sopInstanceUid }) => sopInstanceUid));
        return { verification: 'image', verified: 2, missing: [] };
      },
    });
    expect(asked).toEqual(['9.1', '1.2.9']);
  });

  test('does not book what a killed attempt had received of another study', async () => {
    const ledger = new Ledger({ records: [{ sop: '8.8', state: 'received' }] });
    const { source } = archive(content({ '1.2.3.1': ['1.1'] }));
    const result = await transfer({ source, sink: destination().sink, selection, ledger });
    expect(result).toMatchObject({ ok: true, counts: { expected: 1, stored: 1, failed: 0 } });
  });
});

describe('a ledger', () => {
  test('takes down every state of an instance, with the hash of its pixel data', async () => {
    const changes: LedgerRecord[] = [];
    const { source } = archive(content({ '1.2.3.1': ['1.1'] }));
    const { sink, verify } = destination();
    await transfer({
      source,
      sink,
      selection,
      verify,
      createPixelHash: () => createHash('sha256'),
      ledger: new Ledger({ onChange: (record) => changes.push(record) }),
    });
    const pixelSha256 = createHash('sha256')
      .update(new Uint8Array([1, 2, 3, 4, 5, 6, 7, 8]))
      .digest('hex');
    expect(changes).toEqual([
      { sop: '1.1', state: 'expected' },
      { sop: '1.1', state: 'received' },
      { sop: '1.1', state: 'stored', status: 0, bytes: 32, pixelSha256 },
      { sop: '1.1', state: 'verified', status: 0, bytes: 32, pixelSha256 },
    ]);
  });
});

describe('a study that grows while it is read', () => {
  test('is followed until it does not grow any more', async () => {
    const held = content({ '1.2.3.1': ['1.1', '1.2'] });
    let growth = 0;
    const { source, asked } = archive(held, {
      afterEach() {
        growth += 1;
        if (growth === 1) held.get('1.2.3.1')!.push('1.3');
        if (growth === 3) held.set('1.2.3.2', ['2.1', '2.2']);
      },
    });
    const { sink, held: arrived } = destination();
    const result = await transfer({ source, sink, selection });
    expect(result).toMatchObject({ ok: true, counts: { expected: 5, stored: 5, failed: 0 } });
    expect(instancesOf(arrived).toSorted()).toEqual(['1.1', '1.2', '1.3', '2.1', '2.2']);
    expect(asked).toHaveLength(3);
  });

  test('is not waited for where the source counts what it does not deliver', async () => {
    const held = content({ '1.2.3.1': ['1.1'] });
    const { source, asked } = archive(held);
    const boasting: typeof source = {
      ...source,
      async *find(query) {
        let claims = 1;
        for await (const match of source.find(query)) {
          claims += asked.length;
          yield match['00201209'] ? { ...match, '00201209': { vr: 'IS', Value: [claims] } } : match;
        }
      },
    };
    const result = await transfer({ source: boasting, sink: destination().sink, selection });
    expect(result).toMatchObject({ ok: true, counts: { expected: 1, stored: 1 } });
  });
});

describe('a patient who was merged', () => {
  const held = content({ '1.2.3.1': ['1.1'] });

  test('is found by the study, and the source is asked under the new Patient ID', async () => {
    const { source, asked } = archive(held, { patientId: 'NEW' });
    const wanted = { ...selection, patientId: 'OLD' };
    const result = await transfer({ source, sink: destination().sink, selection: wanted });
    expect(result).toMatchObject({ ok: true, counts: { stored: 1 } });
    expect(result.remarks).toEqual([expect.stringContaining('another Patient ID')]);
    expect(result.remarks.join()).not.toMatch(/OLD|NEW/);
    expect(asked[0]?.patientId).toBe('NEW');
  });

  test('is not remarked on where the Patient ID fits', async () => {
    const { source } = archive(held, { patientId: 'NEW' });
    const wanted = { ...selection, patientId: 'NEW' };
    const result = await transfer({ source, sink: destination().sink, selection: wanted });
    expect(result.remarks).toEqual([]);
  });
});
