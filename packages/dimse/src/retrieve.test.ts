import {
  type Attributes,
  attributesFrom,
  type DicomInstance,
  type RetrieveFailure,
  SopClass,
  TransferSyntax,
  textOf,
  textsOf,
} from '@adit/core';
import { afterEach, describe, expect, test } from 'vitest';
import { decodeCommandSet } from './command-set.ts';
import { createDimseClient, type DimseClient } from './dimse-client.ts';
import type { DimseNode } from './node.ts';
import type { GetRequest } from './scp/handlers.ts';
import { type DimseServer, listen } from './scp/listen.ts';
import { type ScriptedPeer, scriptedServer } from './testing/scripted-peer.ts';

const EXPLICIT = TransferSyntax.ExplicitVrLittleEndian;
const CT = SopClass.CtImageStorage;
const STUDY = '1.2.840.1';

let server: DimseServer | undefined;
let client: DimseClient | undefined;
afterEach(async () => {
  await client?.[Symbol.asyncDispose]();
  await server?.close();
  server = undefined;
  client = undefined;
});

interface Stored {
  uid: string;
  series?: string;
  modality?: string;
  sopClassUid?: string;
  transferSyntaxUid?: string;
  length?: number;
}

interface Behaviour {
  /** Levels that C-FIND answers at. Default: all. */
  finds?: readonly string[];
  /** Answers SOP Classes in Study. Default: no. */
  sopClassesInStudy?: boolean;
}

/** A node with these objects in one study, and what it was asked for. */
async function start(objects: readonly Stored[], behaviour: Behaviour = {}) {
  const asked: string[] = [];
  let associations = 0;
  const all = objects.map((object) => ({
    series: '1.2.840.1.1',
    modality: 'CT',
    sopClassUid: CT,
    transferSyntaxUid: EXPLICIT,
    length: 100,
    ...object,
  }));
  const chosen = (identifier: Attributes) => {
    const series = textsOf(identifier, 'SeriesInstanceUID').filter(Boolean);
    const uids = textsOf(identifier, 'SOPInstanceUID').filter(Boolean);
    return all.filter(
      (object) =>
        (series.length === 0 || series.includes(object.series)) &&
        (uids.length === 0 || uids.includes(object.uid)),
    );
  };
  const { finds = ['STUDY', 'SERIES', 'IMAGE'] } = behaviour;
  server = await listen({
    aeTitle: 'SOURCE',
    host: '127.0.0.1',
    port: 0,
    allow: () => {
      associations += 1;
      return true;
    },
    handlers: {
      ...(finds.length > 0 && {
        async *find({ level, identifier }) {
          asked.push(`find ${level}`);
          if (!finds.includes(level)) return;
          const some = chosen(identifier);
          const of = (object: (typeof all)[0]) =>
            attributesFrom({
              StudyInstanceUID: STUDY,
              SeriesInstanceUID: object.series,
              SOPInstanceUID: object.uid,
              SOPClassUID: object.sopClassUid,
              Modality: object.modality,
              ...(behaviour.sopClassesInStudy && {
                SOPClassesInStudy: [...new Set(all.map((one) => one.sopClassUid))],
              }),
            });
          if (level === 'IMAGE') yield* some.map(of);
          if (level === 'SERIES')
            yield* [...new Map(some.map((object) => [object.series, object])).values()].map(of);
          if (level === 'STUDY') yield* some.slice(0, 1).map(of);
        },
      }),
      get(request: GetRequest) {
        const some = chosen(request.identifier);
        const uids = textsOf(request.identifier, 'SOPInstanceUID').length;
        asked.push(
          `get ${request.level} ${textOf(request.identifier, 'SeriesInstanceUID') ?? ''} ${uids || ''}`.trim(),
        );
        return {
          count: some.length,
          instances: (async function* () {
            for (const object of some) {
              yield {
                ...object,
                sopInstanceUid: object.uid,
                dataset: (async function* () {
                  yield Buffer.alloc(object.length, object.uid);
                })(),
              };
            }
          })(),
        };
      },
    },
  });
  client = createDimseClient({ aeTitle: 'SOURCE', host: '127.0.0.1', port: server.port, connectAttempts: 1 });
  return { client, asked, associations: () => associations };
}

/** Retrieves and reads everything. */
async function take(from: DimseClient, selection = {}, options: { sopClassUids?: readonly string[] } = {}) {
  const taken: string[] = [];
  const failures: RetrieveFailure[] = [];
  const onFailure = (failure: RetrieveFailure) => failures.push(failure);
  for await (const instance of from.retrieve(
    { studyInstanceUid: STUDY, ...selection },
    { ...options, onFailure },
  )) {
    for await (const _ of instance.dataset);
    taken.push(instance.sopInstanceUid);
  }
  return { taken, failures };
}

const three: Stored[] = [
  { uid: '1.1' },
  { uid: '1.2' },
  { uid: '1.3', series: '1.2.840.1.2', modality: 'SR', sopClassUid: SopClass.BasicTextSrStorage },
];

describe('the SOP classes of a study', () => {
  test('given by the caller cost no question', async () => {
    const { client, asked } = await start(three);
    const { taken } = await take(client, {}, { sopClassUids: [CT, SopClass.BasicTextSrStorage] });
    expect(taken).toEqual(['1.1', '1.2', '1.3']);
    expect(asked).toEqual(['get STUDY']);
  });

  test('come from SOP Classes in Study where the node answers that', async () => {
    const { client, asked } = await start(three, { sopClassesInStudy: true });
    expect((await take(client)).taken).toHaveLength(3);
    expect(asked).toEqual(['find STUDY', 'get STUDY']);
  });

  test('come from the instances where it does not', async () => {
    const { client, asked } = await start(three);
    expect((await take(client)).taken).toHaveLength(3);
    expect(asked).toEqual(['find STUDY', 'find SERIES', 'find IMAGE', 'find IMAGE', 'get STUDY']);
  });

  test('are guessed by modality where it answers no such thing', async () => {
    const { client, asked } = await start(three, { finds: ['STUDY', 'SERIES'] });
    expect((await take(client)).taken).toHaveLength(3);
    expect(asked.at(-1)).toBe('get STUDY');
  });

  test('are guessed where it cannot be searched at all', async () => {
    const { client } = await start(
      [
        { uid: '1.1', sopClassUid: SopClass.SecondaryCaptureImageStorage },
        { uid: '1.2', sopClassUid: SopClass.EnhancedSrStorage },
      ],
      { finds: [] },
    );
    expect((await take(client)).taken).toEqual(['1.1', '1.2']);
  });

  test('that no guess had first are asked for on another association', async () => {
    const { client, associations } = await start(
      [
        { uid: '1.1', sopClassUid: SopClass.SecondaryCaptureImageStorage },
        { uid: '1.2', sopClassUid: SopClass.RtPlanStorage },
      ],
      { finds: [] },
    );
    const { taken, failures } = await take(client);
    expect(taken.sort()).toEqual(['1.1', '1.2']);
    expect(failures).toEqual([]);
    expect(associations()).toBeGreaterThan(1);
  });
});

describe('objects come as they are stored', () => {
  test.each([
    TransferSyntax.ImplicitVrLittleEndian,
    TransferSyntax.JpegBaseline8Bit,
    TransferSyntax.Jpeg2000Lossless,
    TransferSyntax.HighThroughputJpeg2000,
    TransferSyntax.JpegXl,
    TransferSyntax.Mpeg4High41,
    TransferSyntax.RleLossless,
  ])('in %s', async (transferSyntaxUid) => {
    const { client } = await start([{ uid: '1.1', transferSyntaxUid }], { sopClassesInStudy: true });
    const seen: string[] = [];
    for await (const instance of client.retrieve({ studyInstanceUid: STUDY })) {
      seen.push(instance.transferSyntaxUid);
      for await (const _ of instance.dataset);
    }
    expect(seen).toEqual([transferSyntaxUid]);
  });

  test('of more kinds than an association has contexts for', async () => {
    const classes = [
      CT,
      SopClass.MrImageStorage,
      SopClass.UltrasoundImageStorage,
      SopClass.SecondaryCaptureImageStorage,
      SopClass.EnhancedCtImageStorage,
      SopClass.EnhancedMrImageStorage,
    ];
    const syntaxes = [
      EXPLICIT,
      TransferSyntax.Mpeg4High41,
      TransferSyntax.HevcMain51,
      TransferSyntax.DeflatedImageFrameCompression,
    ];
    const objects = classes.flatMap((sopClassUid, at) =>
      syntaxes.map((transferSyntaxUid, index) => ({
        uid: `1.${at}.${index}`,
        sopClassUid,
        transferSyntaxUid,
      })),
    );
    const { client, asked, associations } = await start(objects, { sopClassesInStudy: true });
    const { taken, failures } = await take(client);
    expect(taken).toHaveLength(24);
    expect(new Set(taken).size).toBe(24);
    expect(failures).toEqual([]);
    // Two for the search (one is given back before each retrieval), two for the objects.
    expect(associations()).toBe(4);
    // Only what was missing is asked for again.
    expect(asked.at(-1)).toMatch(/^get IMAGE 1\.2\.840\.1\.1 \d+$/);
  });
});

describe('a part of a study', () => {
  test('by series', async () => {
    const { client, asked } = await start(three, { sopClassesInStudy: true });
    expect((await take(client, { seriesInstanceUids: ['1.2.840.1.2', '1.2.840.1.1'] })).taken.sort()).toEqual(
      ['1.1', '1.2', '1.3'],
    );
    expect(asked.slice(1)).toEqual(['get SERIES 1.2.840.1.2', 'get SERIES 1.2.840.1.1']);
  });

  test('without some modalities', async () => {
    const { client } = await start(three, { sopClassesInStudy: true });
    expect((await take(client, { excludeModalities: ['SR'] })).taken).toEqual(['1.1', '1.2']);
  });

  test('without any modality there is, is nothing and no error', async () => {
    const { client } = await start(three);
    expect((await take(client, { excludeModalities: ['SR', 'CT'] })).taken).toEqual([]);
  });

  test('by instances of one series', async () => {
    const { client, asked } = await start(three, { sopClassesInStudy: true });
    const selection = { seriesInstanceUids: ['1.2.840.1.1'], sopInstanceUids: ['1.2'] };
    expect((await take(client, selection)).taken).toEqual(['1.2']);
    expect(asked).toEqual(['find STUDY', 'get IMAGE 1.2.840.1.1 1']);
  });

  test('by instances of unknown series', async () => {
    const { client } = await start(three);
    expect((await take(client, { sopInstanceUids: ['1.3', '1.1'] })).taken.sort()).toEqual(['1.1', '1.3']);
  });

  test('by more instances than a list of UIDs holds', async () => {
    const objects = Array.from({ length: 1200 }, (_, index) => ({ uid: `1.2.840.999.${index}` }));
    const { client, asked } = await start(objects, { sopClassesInStudy: true });
    const selection = { seriesInstanceUids: ['1.2.840.1.1'], sopInstanceUids: objects.map(({ uid }) => uid) };
    expect((await take(client, selection)).taken).toHaveLength(1200);
    expect(asked.filter((one) => one.startsWith('get'))).toEqual([
      'get IMAGE 1.2.840.1.1 500',
      'get IMAGE 1.2.840.1.1 500',
      'get IMAGE 1.2.840.1.1 200',
    ]);
  });
});

describe('a consumer', () => {
  test('that refuses an instance gets the others, and no failure for it', async () => {
    const { client } = await start([{ uid: '1.1', length: 3_000_000 }, { uid: '1.2' }], {
      sopClassesInStudy: true,
    });
    const failures: RetrieveFailure[] = [];
    const taken: string[] = [];
    for await (const instance of client.retrieve(
      { studyInstanceUid: STUDY },
      { onFailure: (one) => failures.push(one) },
    )) {
      for await (const _ of instance.dataset) if (instance.sopInstanceUid === '1.1') break;
      taken.push(instance.sopInstanceUid);
    }
    expect(taken).toEqual(['1.1', '1.2']);
    expect(failures).toEqual([]);
  });

  test('that leaves the loop ends the retrieval', async () => {
    const { client } = await start([{ uid: '1.1', length: 30_000_000 }], { sopClassesInStudy: true });
    let first: DicomInstance | undefined;
    for await (const instance of client.retrieve({ studyInstanceUid: STUDY })) {
      first = instance;
      break;
    }
    await expect(first!.dataset[Symbol.asyncIterator]().next()).rejects.toMatchObject({ code: 'CLOSED' });
  });

  test('that gives up gets its own reason', async () => {
    const { client } = await start(three, { sopClassesInStudy: true });
    const controller = new AbortController();
    const run = async () => {
      for await (const _ of client.retrieve({ studyInstanceUid: STUDY }, { signal: controller.signal })) {
        controller.abort(new Error('enough'));
      }
    };
    await expect(run()).rejects.toThrow('enough');
  });
});

/** A node that answers a C-GET with this end and nothing before. */
async function ending(
  command: Partial<Parameters<ScriptedPeer['sendMessage']>[1]>,
  use: (client: DimseClient) => Promise<void>,
): Promise<void> {
  await using peer = await scriptedServer(async (script) => {
    await script.accept();
    for (;;) {
      const pdu = await script.receive().catch(() => undefined);
      if (!pdu) return;
      if (pdu.type === 5) {
        script.send({ type: 'A-RELEASE-RP' });
        continue;
      }
      if (pdu.type !== 4) continue;
      const length = pdu.body.readUInt32BE(0);
      if (pdu.body[5] !== 3) continue;
      const { commandField, messageId = 0 } = decodeCommandSet(pdu.body.subarray(6, 4 + length));
      script.sendMessage(pdu.body[4]!, {
        commandField: commandField | 0x8000,
        messageIdBeingRespondedTo: messageId,
        status: 0,
        ...(commandField === 0x10 && command),
      });
    }
  });
  const node: DimseNode = peer.node;
  await using one = createDimseClient(node);
  await use(one);
}

describe('the counters are looked at, not the status alone', () => {
  test('success although every sub-operation failed', async () => {
    await ending({ numberOfCompletedSuboperations: 0, numberOfFailedSuboperations: 2 }, async (one) => {
      const { taken, failures } = await take(one, {}, { sopClassUids: [CT] });
      expect(taken).toEqual([]);
      expect(failures).toHaveLength(2);
      expect(failures[0]).toMatchObject({
        retryable: true,
        message: expect.stringContaining('could not send it'),
      });
    });
  });

  test('success with no sub-operation at all', async () => {
    await ending({ numberOfCompletedSuboperations: 0, numberOfFailedSuboperations: 0 }, async (one) => {
      await expect(take(one, {}, { sopClassUids: [CT] })).rejects.toMatchObject({
        code: 'NOTHING_SENT',
        retryable: true,
        message: expect.stringMatching(/sent nothing; check .*\.$/),
      });
    });
  });

  test.each([
    [0xa701, true],
    [0xa702, true],
    [0xa900, false],
    [0xc000, false],
    [0xfe00, true],
  ])('failure %i without counters', async (status, retryable) => {
    await ending({ status }, async (one) => {
      await expect(take(one, {}, { sopClassUids: [CT] })).rejects.toMatchObject({
        code: 'STATUS',
        status,
        retryable,
      });
    });
  });
});

test('a node that cannot be retrieved from says what to do', async () => {
  server = await listen({ aeTitle: 'A', host: '127.0.0.1', port: 0, handlers: { store: async () => 0 } });
  client = createDimseClient({ aeTitle: 'A', host: '127.0.0.1', port: server.port });
  await expect(take(client)).rejects.toMatchObject({
    code: 'NO_CONTEXT',
    message: expect.stringMatching(/does not allow being retrieved from \(C-GET\); enable it .*\.$/),
  });
});

describe('searching', () => {
  async function search(matches: readonly Attributes[]) {
    let associations = 0;
    const levels: string[] = [];
    server = await listen({
      aeTitle: 'A',
      host: '127.0.0.1',
      port: 0,
      allow: () => {
        associations += 1;
        return true;
      },
      handlers: {
        async *find({ level }) {
          levels.push(level);
          yield* matches;
        },
      },
    });
    client = createDimseClient({ aeTitle: 'A', host: '127.0.0.1', port: server.port });
    return { client, levels, associations: () => associations };
  }

  test('uses one association for questions in a row', async () => {
    const { client, associations } = await search([attributesFrom({ PatientID: '1' })]);
    for (let count = 0; count < 3; count++) {
      for await (const _ of client.find({ level: 'STUDY', keys: {} }));
    }
    expect(associations()).toBe(1);
  });

  test('filters what the node does not', async () => {
    const { client } = await search([
      attributesFrom({ PatientName: 'Müller^Anna' }),
      attributesFrom({ SpecificCharacterSet: 'ISO_IR 100', PatientName: 'Meyer^Anna' }),
    ]);
    const found: unknown[] = [];
    for await (const match of client.find({ level: 'STUDY', keys: { PatientName: 'mü*' } }))
      found.push(textOf(match, 'PatientName'));
    expect(found).toEqual(['Müller^Anna']);
  });

  test('stops at the limit, which counts what matches', async () => {
    const { client } = await search(['1', '2', '3', '2', '2'].map((id) => attributesFrom({ PatientID: id })));
    let count = 0;
    for await (const _ of client.find({ level: 'STUDY', keys: { PatientID: '2' }, limit: 2 })) count += 1;
    expect(count).toBe(2);
    for await (const _ of client.find({ level: 'STUDY', keys: {}, limit: 0 })) expect.unreachable();
  });

  test('asks at the level PATIENT in Patient Root', async () => {
    const { client, levels } = await search([
      attributesFrom({ PatientID: '1' }),
      attributesFrom({ PatientID: '1' }),
    ]);
    const found: unknown[] = [];
    for await (const match of client.find({ level: 'PATIENT', keys: {} })) found.push(match);
    expect(levels).toEqual(['PATIENT']);
    expect(found).toHaveLength(1);
  });
});
