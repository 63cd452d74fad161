import { SopClass } from '@adit/core';
import { expect, test } from 'vitest';
import { decodeCommandSet } from './command-set.ts';
import { createDimseClient, type DimseClient } from './dimse-client.ts';
import type { MoveOptions, MoveProgress, MoveResult } from './move.ts';
import { type ScriptedPeer, scriptedServer } from './testing/scripted-peer.ts';

type Answer = Omit<Parameters<ScriptedPeer['sendMessage']>[1], 'commandField' | 'messageIdBeingRespondedTo'>;

const selection = { studyInstanceUid: '1.2', seriesInstanceUids: ['1.2.1', '1.2.2'] };

/** A node that answers each C-MOVE with what the script says of it. */
async function node(answers: readonly (readonly Answer[])[], use: (client: DimseClient) => Promise<void>) {
  const asked: { messageId: number | undefined; dataset: string }[] = [];
  await using server = await scriptedServer(async (script) => {
    const request = await script.accept();
    const move = request.contexts.find((one) => one.abstractSyntax === SopClass.StudyRootMove)!.id;
    for (const answer of answers) {
      const { command, dataset } = await script.receiveMessage();
      const { messageId } = decodeCommandSet(command);
      asked.push({ messageId, dataset: dataset.toString('latin1') });
      for (const one of answer) {
        script.sendMessage(move, { commandField: 0x8021, messageIdBeingRespondedTo: messageId!, ...one });
      }
    }
    await script.expect('A-RELEASE-RQ');
    script.send({ type: 'A-RELEASE-RP' });
  });
  await using client = createDimseClient(server.node);
  await use(client);
  return asked;
}

async function run(client: DimseClient, options: Partial<MoveOptions> = {}) {
  const progress: MoveProgress[] = [];
  const moving = client.move(selection, { destination: 'STORE', ...options });
  let next = await moving.next();
  for (; !next.done; next = await moving.next()) progress.push(next.value);
  return { progress, result: next.value as MoveResult };
}

const counters = (status: number, completed: number, failed: number, remaining?: number): Answer => ({
  status,
  ...(remaining !== undefined && { numberOfRemainingSuboperations: remaining }),
  numberOfCompletedSuboperations: completed,
  numberOfFailedSuboperations: failed,
  numberOfWarningSuboperations: 0,
});

test('a node that is to be retrieved from by C-MOVE is not silently asked by C-GET', async () => {
  await using client = createDimseClient({ aeTitle: 'A', host: '127.0.0.1', port: 104, retrieve: 'c-move' });
  expect(() => client.retrieve({ studyInstanceUid: '1.2' })).toThrow(/needs a receiver/);
});

test('adds up the C-MOVEs of several series, with the message id of the caller', async () => {
  const asked = await node(
    [
      [counters(0xff00, 1, 0, 1), counters(0, 2, 0)],
      [counters(0xff00, 1, 0, 2), counters(0xb000, 2, 1)],
    ],
    async (client) => {
      const { progress, result } = await run(client, { messageId: 4711 });
      expect(result).toEqual({ completed: 4, failed: 1, warning: 0, failedInstances: [], counted: true });
      expect(progress.map(({ completed, failed }) => [completed, failed])).toEqual([
        [1, 0],
        [2, 0],
        [3, 0],
        [4, 1],
      ]);
    },
  );
  expect(asked.map(({ messageId }) => messageId)).toEqual([4711, 4711]);
  expect(asked[0]!.dataset).toContain('1.2.1');
  expect(asked[1]!.dataset).toContain('1.2.2');
});

test('looks at the counters: success although every sub-operation failed', async () => {
  await node([[counters(0, 0, 3)], [counters(0, 0, 2)]], async (client) => {
    expect((await run(client)).result).toMatchObject({ completed: 0, failed: 5 });
  });
});

test('looks at the counters: success with no sub-operation at all', async () => {
  await node([[counters(0, 0, 0)], [counters(0, 0, 0)]], async (client) => {
    await expect(run(client)).rejects.toMatchObject({ code: 'NOTHING_SENT', retryable: true });
  });
});

test('says when the node does not count', async () => {
  await node([[{ status: 0 }], [{ status: 0 }]], async (client) => {
    expect((await run(client)).result).toMatchObject({ completed: 0, failed: 0, counted: false });
  });
});

test('counts as failed what a node that gives up half way has not begun', async () => {
  await node([[counters(0xa702, 1, 1, 3)], [counters(0, 1, 0)]], async (client) => {
    expect((await run(client)).result).toMatchObject({ completed: 2, failed: 4 });
  });
});

test('takes an abort in answer to the request for a node that does not allow it', async () => {
  await using server = await scriptedServer(async (script) => {
    await script.accept();
    await script.receiveMessage();
    script.send({ type: 'A-ABORT', source: 0, reason: 0 });
  });
  await using client = createDimseClient(server.node);
  const error = await run(client).catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ code: 'NOT_OFFERED', retryable: true, cause: { code: 'ABORTED' } });
  expect(client.isNotOffered?.(error)).toBe(true);
});

test('takes an abort for trouble once something was sent', async () => {
  await using server = await scriptedServer(async (script) => {
    const request = await script.accept();
    const move = request.contexts.find((one) => one.abstractSyntax === SopClass.StudyRootMove)!.id;
    const { command } = await script.receiveMessage();
    const { messageId } = decodeCommandSet(command);
    const answer = { commandField: 0x8021, messageIdBeingRespondedTo: messageId! };
    script.sendMessage(move, { ...answer, ...counters(0xff00, 1, 0, 1) });
    script.send({ type: 'A-ABORT', source: 0, reason: 0 });
  });
  await using client = createDimseClient(server.node);
  await expect(run(client)).rejects.toMatchObject({ code: 'ABORTED' });
});

test.each([
  [0xa801, false, 'register the AE title STORE with its host and port at the node'],
  [0xa702, true, "look into the node's log"],
  [0xa900, false, "look into the node's log"],
  [0xfe00, true, "look into the node's log"],
])('throws the status %i of an operation that failed as a whole', async (status, retryable, words) => {
  await node([[{ status }]], async (client) => {
    await expect(run(client)).rejects.toMatchObject({
      code: 'STATUS',
      status,
      retryable,
      message: expect.stringContaining(words),
    });
  });
});
