import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  attributesFrom,
  type DicomInstance,
  encodeDataset,
  SopClass,
  TransferSyntax,
  textOf,
} from '@adit/core';
import { type SyntheticInstance, syntheticStudy } from '@adit/core/synthetic';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { decodeCommandSet } from '../command-set.ts';
import { connect } from '../connect.ts';
import { createDimseClient } from '../dimse-client.ts';
import type { MoveResult } from '../move.ts';
import type { DimseNode } from '../node.ts';
import type { StoreRequest } from '../scp/handlers.ts';
import { type DimseServer, listen } from '../scp/listen.ts';
import type { SubOperationCounts } from '../sub-operations.ts';
import { bytesOf } from '../testing/bytes.ts';
import { runDcmtk, startStorescp } from '../testing/dcmtk.ts';
import { freePort } from '../testing/free-port.ts';
import { associateRequest, scriptedClient } from '../testing/scripted-peer.ts';
import { type ArchiveScp, createArchiveScp } from './create-archive-scp.ts';

let folder: string;
let archive: ArchiveScp;
let node: DimseNode;
let receiver: DimseServer | undefined;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'adit-move-'));
});
afterEach(async () => {
  await archive.close();
  await receiver?.close();
  receiver = undefined;
  await rm(folder, { recursive: true });
});

const study = syntheticStudy({
  series: [
    { kind: 'CT', instances: 12, rows: 64 },
    { kind: 'MR', instances: 2, rows: 64, transferSyntaxUid: TransferSyntax.ImplicitVrLittleEndian },
  ],
});
const studyInstanceUid = textOf(study[0]!.attributes, 'StudyInstanceUID')!;
const seriesInstanceUid = textOf(study[0]!.attributes, 'SeriesInstanceUID')!;
const selection = { studyInstanceUid };

async function start(peers: readonly DimseNode[], instances: readonly DicomInstance[] = study) {
  archive = await createArchiveScp({ folder, aeTitle: 'ARCHIVE', peers });
  node = { aeTitle: 'ARCHIVE', host: '127.0.0.1', port: archive.port, callingAeTitle: 'ASKER' };
  for (const instance of instances) await archive.archive.store(instance);
}

/** A server called STORE that notes what comes. */
async function startReceiver(status: (request: StoreRequest) => Promise<number> | number = () => 0) {
  const received = new Map<string, { bytes: Buffer; request: StoreRequest }>();
  receiver = await listen({
    aeTitle: 'STORE',
    host: '127.0.0.1',
    port: 0,
    handlers: {
      store: async (request) => {
        const bytes = await bytesOf(request.dataset);
        const answer = await status(request);
        if (answer === 0) received.set(request.sopInstanceUid, { bytes, request });
        return answer;
      },
    },
  });
  return { received, peer: { aeTitle: 'STORE', host: '127.0.0.1', port: receiver.port } };
}

async function expectAll(received: Map<string, { bytes: Buffer }>, sent: readonly SyntheticInstance[]) {
  expect([...received.keys()].sort()).toEqual(sent.map((one) => one.sopInstanceUid).sort());
  for (const { sopInstanceUid, dataset } of sent) {
    expect(received.get(sopInstanceUid)!.bytes.equals(await bytesOf(dataset))).toBe(true);
  }
}

function movescu(destination: string, ...keys: string[]) {
  return runDcmtk('movescu', [
    ...['-d', '-S', '-aet', 'ASKER', '-aec', 'ARCHIVE', '-aem', destination],
    ...['QueryRetrieveLevel=STUDY', ...keys].flatMap((key) => ['-k', key]),
    ...['127.0.0.1', String(node.port)],
  ]);
}

async function move(one = selection, destination = 'STORE'): Promise<MoveResult> {
  await using client = createDimseClient(node);
  const moving = client.move(one, { destination });
  let next = await moving.next();
  while (!next.done) next = await moving.next();
  return next.value;
}

describe('movescu', () => {
  test('has a study sent to storescp', async () => {
    await using storescp = await startStorescp(['+xa']);
    await start([{ ...storescp.node, aeTitle: 'STORESCP', maxAssociations: 1 }]);
    const { exitCode, output } = await movescu('STORESCP', `StudyInstanceUID=${studyInstanceUid}`);
    expect(exitCode, output).toBe(0);
    expect(output).toMatch(/Completed Suboperations +: 14/);
    expect((await storescp.received()).size).toBe(14);
  });

  test('is told of an unknown destination with A801', async () => {
    await start([]);
    const { output } = await movescu('NOBODY', `StudyInstanceUID=${studyInstanceUid}`);
    expect(output).toContain('0xa801');
  });

  test('may cancel', async () => {
    const { peer } = await startReceiver(() => new Promise((resolve) => setTimeout(resolve, 50, 0)));
    await start([{ ...peer, maxAssociations: 1 }]);
    const { output } = await runDcmtk('movescu', [
      ...['-d', '-S', '-aec', 'ARCHIVE', '-aem', 'STORE', '--cancel', '2'],
      ...['-k', 'QueryRetrieveLevel=STUDY', '-k', `StudyInstanceUID=${studyInstanceUid}`],
      ...['127.0.0.1', String(node.port)],
    ]);
    expect(output).toContain('0xfe00');
  });
});

describe('our client', () => {
  test('has a study sent, byte for byte, with the move originator', async () => {
    const { received, peer } = await startReceiver();
    await start([peer]);
    await using client = createDimseClient(node);
    const moving = client.move(selection, { destination: 'STORE', messageId: 77 });
    let last = 0;
    let next = await moving.next();
    for (; !next.done; next = await moving.next()) {
      expect(next.value.completed).toBeGreaterThanOrEqual(last);
      last = next.value.completed;
    }
    expect(next.value).toEqual({ completed: 14, failed: 0, warning: 0, failedInstances: [], counted: true });
    expect(last).toBe(14);
    await expectAll(received, study);
    for (const { request } of received.values()) {
      expect(request).toMatchObject({
        callingAeTitle: 'ARCHIVE',
        moveOriginator: { aeTitle: 'ASKER', messageId: 77 },
      });
    }
  });

  test('has a series sent', async () => {
    const { received, peer } = await startReceiver();
    await start([peer]);
    expect(await move({ ...selection, ...{ seriesInstanceUids: [seriesInstanceUid] } })).toMatchObject({
      completed: 12,
    });
    await expectAll(received, study.slice(0, 12));
  });

  test('is told which objects the destination refused', async () => {
    const refused = study.slice(0, 3).map(({ sopInstanceUid }) => sopInstanceUid);
    const { received, peer } = await startReceiver(({ sopInstanceUid }) =>
      refused.includes(sopInstanceUid) ? 0xc000 : 0,
    );
    await start([peer]);
    const result = await move();
    expect(result).toMatchObject({ completed: 11, failed: 3, warning: 0 });
    expect(result.failedInstances.sort()).toEqual(refused.sort());
    await expectAll(received, study.slice(3));
  });

  test('is told of warnings', async () => {
    const { peer } = await startReceiver(() => 0xb000);
    await start([peer]);
    expect(await move()).toMatchObject({ completed: 0, failed: 0, warning: 14 });
  });

  test('is told when the destination cannot be reached, with every object named', async () => {
    await start([{ aeTitle: 'STORE', host: '127.0.0.1', port: await freePort(), connectAttempts: 1 }]);
    const { completed, failed, failedInstances } = await move();
    expect([completed, failed]).toEqual([0, 14]);
    expect(failedInstances.sort()).toEqual(study.map(({ sopInstanceUid }) => sopInstanceUid).sort());
  });

  test('is told of an object that cannot be read, and gets the others', async () => {
    const { received, peer } = await startReceiver();
    await start([peer]);
    const [broken] = study;
    const path = join(folder, studyInstanceUid, seriesInstanceUid, `${broken!.sopInstanceUid}.dcm`);
    await writeFile(path, 'no longer what was indexed');
    const result = await move();
    expect(result).toMatchObject({ completed: 13, failed: 1, failedInstances: [broken!.sopInstanceUid] });
    await expectAll(received, study.slice(1));
  });

  test('is told of an unknown destination, and what to do', async () => {
    await start([]);
    await expect(move()).rejects.toMatchObject({
      code: 'STATUS',
      status: 0xa801,
      message: expect.stringContaining('register the AE title STORE'),
    });
  });

  test('is told that there is nothing', async () => {
    const { peer } = await startReceiver();
    await start([peer]);
    await expect(move({ studyInstanceUid: '1.2.3' })).rejects.toMatchObject({ code: 'NOTHING_SENT' });
  });

  test('cancels: what is under way ends, the rest is counted as remaining', async () => {
    const { received, peer } = await startReceiver(
      () => new Promise((resolve) => setTimeout(resolve, 30, 0)),
    );
    await start([{ ...peer, maxAssociations: 1 }]);
    const contexts = [
      { abstractSyntax: SopClass.PatientRootMove, transferSyntaxes: [TransferSyntax.ExplicitVrLittleEndian] },
    ];
    await using association = await connect(node, { contexts });
    const controller = new AbortController();
    const identifier = attributesFrom({ QueryRetrieveLevel: 'STUDY', StudyInstanceUID: studyInstanceUid });
    const responses = association.cMove({
      sopClassUid: SopClass.PatientRootMove,
      identifier,
      destination: 'STORE',
      signal: controller.signal,
    });
    const first = (await responses.next()).value as SubOperationCounts;
    expect(first).toEqual({ remaining: 13, completed: 1, failed: 0, warning: 0 });
    controller.abort(new Error('enough'));
    await expect(responses.next()).rejects.toThrow('enough');
    expect(association.over).toBe(false);
    expect(received.size).toBeLessThan(6);
  });
});

describe('a peer of ours', () => {
  const { PatientRootMove } = SopClass;
  const syntax = TransferSyntax.ExplicitVrLittleEndian;
  const identifier = encodeDataset(
    attributesFrom({ QueryRetrieveLevel: 'STUDY', StudyInstanceUID: studyInstanceUid }),
    { transferSyntaxUid: syntax },
  );
  const request = {
    commandField: 0x0021,
    messageId: 9,
    priority: 0,
    affectedSopClassUid: PatientRootMove,
  };

  async function associate() {
    const peer = await scriptedClient(archive.port);
    peer.send(associateRequest([[PatientRootMove, syntax]], { calledAeTitle: 'ARCHIVE' }));
    await peer.expect('A-ASSOCIATE-AC');
    return peer;
  }

  test('that names no destination is told A801', async () => {
    await start([]);
    const peer = await associate();
    peer.sendMessage(1, request, identifier);
    const { command } = await peer.receiveMessage();
    expect(decodeCommandSet(command)).toMatchObject({ commandField: 0x8021, status: 0xa801 });
    peer.socket.destroy();
  });

  test('that goes away stops what it asked for', async () => {
    const { received, peer: store } = await startReceiver(
      () => new Promise((resolve) => setTimeout(resolve, 30, 0)),
    );
    await start([{ ...store, maxAssociations: 1 }]);
    const peer = await associate();
    peer.sendMessage(1, { ...request, moveDestination: 'STORE' }, identifier);
    const { command } = await peer.receiveMessage();
    expect(decodeCommandSet(command)).toMatchObject({ status: 0xff00 });
    peer.socket.destroy();
    // No more comes when those under way have ended.
    let before = -1;
    while (received.size > before) {
      before = received.size;
      await new Promise((resolve) => setTimeout(resolve, 300));
    }
    expect(received.size).toBeLessThan(8);
  });
});
