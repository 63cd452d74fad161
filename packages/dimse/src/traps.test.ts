import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Attributes, attributesFrom, SopClass, TransferSyntax, textOf, writePart10 } from '@adit/core';
import { syntheticInstance } from '@adit/core/synthetic';
import { describe, expect, test } from 'vitest';
import { decodeCommandSet, encodeCommandSet } from './command-set.ts';
import { connect } from './connect.ts';
import { createDimseClient } from './dimse-client.ts';
import { echo } from './echo.ts';
import { DimseError } from './index.ts';
import { frameMessage } from './pdv-framer.ts';
import type { ListenOptions } from './scp/listen.ts';
import { bytesOf } from './testing/bytes.ts';
import { runDcmtk } from './testing/dcmtk.ts';
import {
  associateRequest,
  type ScriptedPeer,
  scriptedClient,
  scriptedServer,
} from './testing/scripted-peer.ts';
import { useServer } from './testing/use-server.ts';

const EXPLICIT = TransferSyntax.ExplicitVrLittleEndian;
const CT = SopClass.CtImageStorage;

const server = useServer();

function start(handlers: ListenOptions['handlers'], options: Partial<ListenOptions> = {}) {
  return server.start({ handlers, ...options });
}

async function associate(port: number): Promise<ScriptedPeer> {
  const peer = await scriptedClient(port);
  peer.send(associateRequest([[CT, EXPLICIT]]));
  await peer.expect('A-ASSOCIATE-AC');
  return peer;
}

/** P-DATA-TF PDUs with these presentation data values: each PDU a list of them. */
function pdus(list: readonly (readonly [control: number, bytes: Uint8Array][])[]): Buffer {
  return Buffer.concat(
    list.map((values) => {
      const items = values.map(([control, bytes]) => {
        const head = Buffer.alloc(6);
        head.writeUInt32BE(bytes.length + 2);
        head[4] = 1;
        head[5] = control;
        return Buffer.concat([head, bytes]);
      });
      const body = Buffer.concat(items);
      const head = Buffer.from([4, 0, 0, 0, 0, 0]);
      head.writeUInt32BE(body.length, 2);
      return Buffer.concat([head, body]);
    }),
  );
}

const storeCommand = encodeCommandSet({
  commandField: 1,
  messageId: 1,
  priority: 0,
  affectedSopClassUid: CT,
  affectedSopInstanceUid: '1.2.3',
  commandDataSetType: 0,
});
const data = Buffer.from(Array.from({ length: 5000 }, (_, index) => index % 251));

describe('an object loses nothing to a slow sink', () => {
  const [a, b] = [storeCommand.subarray(0, 20), storeCommand.subarray(20)];
  test.each<[what: string, list: [number, Uint8Array][][]]>([
    [
      'in one PDU with its command, in several values',
      [
        [
          [3, storeCommand],
          [0, data.subarray(0, 100)],
          [0, data.subarray(100, 3000)],
          [2, data.subarray(3000)],
        ],
      ],
    ],
    [
      'with a command in two values',
      [
        [
          [1, a],
          [3, b],
          [2, data],
        ],
      ],
    ],
    ['with a command in two PDUs', [[[1, a]], [[3, b]], [[2, data]]]],
    [
      'over many PDUs',
      [
        [[3, storeCommand]],
        ...[...data].map((byte): [number, Uint8Array][] => [[0, Buffer.from([byte])]]),
        [[2, Buffer.alloc(0)]],
      ],
    ],
    [
      'whose last value is empty',
      [
        [
          [3, storeCommand],
          [0, data],
          [2, Buffer.alloc(0)],
        ],
      ],
    ],
    [
      'with empty values in between',
      [
        [
          [3, storeCommand],
          [0, Buffer.alloc(0)],
          [0, data],
          [0, Buffer.alloc(0)],
          [2, Buffer.alloc(0)],
        ],
      ],
    ],
  ])('%s', async (_what, list) => {
    const received: Uint8Array[] = [];
    const { port } = await start({
      store: async ({ dataset }) => {
        await sleep(20);
        for await (const piece of dataset) {
          received.push(piece);
          if (received.length < 10) await sleep(2);
        }
        return 0;
      },
    });
    const peer = await associate(port);
    peer.send(pdus(list));
    expect(decodeCommandSet((await peer.receiveMessage()).command).status).toBe(0);
    expect(Buffer.concat(received).equals(data)).toBe(true);
    peer.socket.destroy();
  });
});

describe('PDUs of odd maximum lengths', () => {
  test.each([5678, 7890, 7891, 4097])('are kept to when a peer takes %i bytes', async (maximumLength) => {
    const instance = syntheticInstance({ kind: 'CT', rows: 128 });
    const seen: number[] = [];
    await using peer = await scriptedServer(async (script) => {
      await script.accept((answer) => {
        answer.userInformation = { ...answer.userInformation, maximumLength };
      });
      const dataset: Buffer[] = [];
      for (let last = false; !last; ) {
        const pdu = (await script.receive())!;
        seen.push(pdu.body.length);
        for (let at = 0; at < pdu.body.length; ) {
          const length = pdu.body.readUInt32BE(at);
          const control = pdu.body[at + 5]!;
          if ((control & 1) === 0) dataset.push(pdu.body.subarray(at + 6, at + 4 + length));
          // Fragments have even lengths (PS3.8 §D.1 counts on it, and DCMTK aborts else).
          expect(length % 2).toBe(0);
          last = control === 2;
          at += 4 + length;
        }
      }
      expect(Buffer.concat(dataset).equals(await bytesOf(instance.dataset))).toBe(true);
      script.sendMessage(1, { commandField: 0x8001, messageIdBeingRespondedTo: 1, status: 0 });
      await script.untilClosed();
    });
    const association = await connect(peer.node, {
      contexts: [{ abstractSyntax: CT, transferSyntaxes: [EXPLICIT] }],
    });
    expect((await association.cStore(instance)).state).toBe('stored');
    association.abort();
    expect(Math.max(...seen)).toBeLessThanOrEqual(maximumLength);
    expect(Math.max(...seen)).toBeGreaterThan(maximumLength - 3);
  });

  test.each([5678, 7890])('are asked for: DCMTK sends no more than %i bytes', async (maximumPduLength) => {
    const sizes: number[] = [];
    const { port } = await start(
      {
        store: async ({ dataset }) => {
          for await (const piece of dataset) sizes.push(piece.length);
          return 0;
        },
      },
      { maximumPduLength },
    );
    const folder = await mkdtemp(join(tmpdir(), 'adit-traps-'));
    try {
      const file = join(folder, 'ct.dcm');
      await writeFile(file, writePart10(syntheticInstance({ kind: 'CT', rows: 128 })));
      const { exitCode, output } = await runDcmtk('storescu', [
        ...['-aec', 'ADIT', '127.0.0.1', String(port), file],
      ]);
      expect(exitCode, output).toBe(0);
    } finally {
      await rm(folder, { recursive: true });
    }
    expect(sizes.length).toBeGreaterThan(3);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(maximumPduLength);
  });
});

test('a value of 4 GB is refused before it is read', async () => {
  const { port } = await start({ store: async () => 0 });
  const peer = await associate(port);
  peer.send(Buffer.from('04000000100ffffffff0103'.padEnd(44, '0'), 'hex'));
  expect(await peer.expect('A-ABORT')).toMatchObject({ source: 2, reason: 6 });
  peer.socket.destroy();
});

describe('AE titles', () => {
  test.each(['MY PACS', 'MY_PACS_1', 'my pacs', '0'])(
    'may be "%s", from us and from DCMTK',
    async (aeTitle) => {
      const seen: string[] = [];
      const node = await start(
        {},
        {
          aeTitle,
          allow: ({ callingAeTitle, calledAeTitle }) => {
            seen.push(`${callingAeTitle}>${calledAeTitle}`);
            return true;
          },
        },
      );
      await echo({ ...node, aeTitle, callingAeTitle: aeTitle });
      const args = ['-aet', aeTitle, '-aec', aeTitle, '127.0.0.1', String(node.port)];
      expect((await runDcmtk('echoscu', args)).exitCode).toBe(0);
      expect(seen).toEqual(Array(2).fill(`${aeTitle}>${aeTitle}`));
    },
  );

  test('keep their case', async () => {
    const node = await start({}, { aeTitle: 'PACS' });
    await expect(echo({ ...node, aeTitle: 'pacs', connectAttempts: 1 })).rejects.toMatchObject({
      code: 'REJECTED',
    });
  });
});

describe('a node that does not match itself', () => {
  const answers: Attributes[] = [
    attributesFrom({ AccessionNumber: '2026-11-25-RAD-0000000017', SeriesNumber: '+4', PatientID: 'A' }),
    attributesFrom({ AccessionNumber: '2026-11-25-RAD-0000000018', SeriesNumber: '4', PatientID: 'B' }),
    attributesFrom({ AccessionNumber: '2026-11-25-RAD-0', SeriesNumber: '44', PatientID: 'C' }),
  ];
  async function search(keys: Record<string, string>) {
    const asked: Attributes[] = [];
    const node = await start({
      async *find({ identifier }) {
        asked.push(identifier);
        yield* answers;
      },
    });
    await using client = createDimseClient(node);
    const found: unknown[] = [];
    for await (const match of client.find({ level: 'SERIES', keys: { StudyInstanceUID: '', ...keys } }))
      found.push(textOf(match, 'PatientID'));
    return { found, asked: asked[0]! };
  }

  test('is asked for accession numbers of more than 16 characters as they are', async () => {
    const { found, asked } = await search({ AccessionNumber: '2026-11-25-RAD-0000000018' });
    expect(textOf(asked, 'AccessionNumber')).toBe('2026-11-25-RAD-0000000018');
    expect(found).toEqual(['B']);
  });

  test('has series "4" and "+4" found alike, and no other', async () => {
    expect((await search({ SeriesNumber: '4' })).found).toEqual(['A', 'B']);
  });
});

test('a sink that fails with ENOSPC is answered A700, and the association lives on', async () => {
  const { port } = await start({
    store: async ({ dataset }) => {
      for await (const _ of dataset) {
        throw Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });
      }
      return 0;
    },
  });
  const peer = await associate(port);
  for (const messageId of [1, 2]) {
    const command = encodeCommandSet({
      commandField: 1,
      messageId,
      priority: 0,
      affectedSopClassUid: CT,
      affectedSopInstanceUid: '1.2.3',
      commandDataSetType: 0,
    });
    peer.send(frameMessage(1, 1000, command, data));
    expect(decodeCommandSet((await peer.receiveMessage()).command)).toMatchObject({ status: 0xa700 });
  }
  peer.socket.destroy();
});

test('a peer that aborts in the middle of an object leaves a failed data set, never a short one', async () => {
  const ended = Promise.withResolvers<unknown>();
  const { port } = await start({
    store: async ({ dataset }) => {
      await bytesOf(dataset).then(ended.resolve, ended.resolve);
      return 0;
    },
  });
  const peer = await associate(port);
  peer.send(pdus([[[3, storeCommand]], [[0, data]]]), { type: 'A-ABORT', source: 0, reason: 0 });
  const end = await ended.promise;
  expect(end).toBeInstanceOf(DimseError);
  expect(end).toMatchObject({ code: 'ABORTED' });
  peer.socket.destroy();
});

describe('what is no success does not pass for one', () => {
  test.each<[what: string, answer: object]>([
    ['an answer without a status', { commandField: 0x8001 }],
    ['an answer of another service', { commandField: 0x8030, status: 0 }],
  ])('%s', async (_what, answer) => {
    await using peer = await scriptedServer(async (script) => {
      await script.accept();
      await script.receiveMessage();
      script.sendMessage(1, { commandField: 0, ...answer, messageIdBeingRespondedTo: 1 });
      expect(await script.expect('A-ABORT')).toMatchObject({ source: 2, reason: 5 });
      await script.untilClosed();
    });
    const association = await connect(peer.node, {
      contexts: [{ abstractSyntax: CT, transferSyntaxes: [EXPLICIT] }],
    });
    const stored = association.cStore(syntheticInstance({ kind: 'CT', rows: 8 }));
    await expect(stored).rejects.toMatchObject({ code: 'PROTOCOL' });
  });
});

test('every trap of the list has the tests it names', async () => {
  const list = await readFile(new URL('../traps.md', import.meta.url), 'utf8');
  const rows = [...list.matchAll(/^\|(.+)\|(.+)\|$/gm)].filter(([row]) => row.includes('.test.ts'));
  expect(rows.length).toBeGreaterThan(20);
  for (const [, , tests] of rows) {
    const named = [...tests!.matchAll(/`([^`]+\.ts)`: ([^;|]+)/g)];
    expect(named.length, tests).toBeGreaterThan(0);
    for (const [, file, name] of named) {
      const source = await readFile(new URL(file!, import.meta.url), 'utf8');
      expect(source, `${file} has no test "${name}"`).toContain(name!.trim());
    }
  }
});
