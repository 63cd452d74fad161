import { setTimeout as sleep } from 'node:timers/promises';
import {
  type Attributes,
  attributesFrom,
  decodeDataset,
  encodeDataset,
  SopClass,
  TransferSyntax,
} from '@adit/core';
import { afterEach, describe, expect, test } from 'vitest';
import { decodeCommandSet } from './command-set.ts';
import type { DimseNode } from './node.ts';
import { type DimseServer, listen } from './scp/listen.ts';
import { CommitmentReports, requestStorageCommitment } from './storage-commitment.ts';
import {
  associateRequest,
  type ScriptedPeer,
  scriptedClient,
  scriptedServer,
} from './testing/scripted-peer.ts';
import { verifyByCommitment } from './verify-by-commitment.ts';

const EXPLICIT = TransferSyntax.ExplicitVrLittleEndian;
const CLASS = SopClass.StorageCommitmentPushModel;
const INSTANCE = '1.2.840.10008.1.20.1.1';
const CT = SopClass.CtImageStorage;

let server: DimseServer | undefined;
afterEach(async () => {
  await server?.close();
  server = undefined;
});

const instances = ['1.2.1', '1.2.2', '1.2.3'].map((sopInstanceUid) => ({ sopClassUid: CT, sopInstanceUid }));
const item = ({ sopClassUid, sopInstanceUid }: (typeof instances)[number], reason?: number) => ({
  ReferencedSOPClassUID: sopClassUid,
  ReferencedSOPInstanceUID: sopInstanceUid,
  ...(reason !== undefined && { FailureReason: reason }),
});

/** Reads the N-ACTION request and gives what it asks for. */
async function takeAction(script: ScriptedPeer, status = 0): Promise<Attributes> {
  const { command, dataset } = await script.receiveMessage();
  const action = decodeCommandSet(command);
  // PS3.7 Table 10.3-7: an action names what it is requested of.
  expect(action).toMatchObject({
    requestedSopClassUid: CLASS,
    requestedSopInstanceUid: INSTANCE,
    commandField: 0x0130,
    actionTypeId: 1,
  });
  script.sendMessage(1, {
    commandField: 0x8130,
    messageIdBeingRespondedTo: action.messageId!,
    affectedSopClassUid: CLASS,
    affectedSopInstanceUid: INSTANCE,
    actionTypeId: 1,
    status,
  });
  return decodeDataset(dataset, { transferSyntaxUid: EXPLICIT });
}

/** Sends an event report and gives the status of the answer. */
async function report(script: ScriptedPeer, information: Attributes, eventTypeId = 1): Promise<number> {
  script.sendMessage(
    1,
    {
      commandField: 0x0100,
      messageId: 7,
      affectedSopClassUid: CLASS,
      affectedSopInstanceUid: INSTANCE,
      eventTypeId,
    },
    encodeDataset(information, { transferSyntaxUid: EXPLICIT }),
  );
  const answer = decodeCommandSet((await script.receiveMessage()).command);
  expect(answer).toMatchObject({
    commandField: 0x8100,
    messageIdBeingRespondedTo: 7,
    affectedSopClassUid: CLASS,
    affectedSopInstanceUid: INSTANCE,
    eventTypeId,
  });
  return answer.status!;
}

const released = async (script: ScriptedPeer) => {
  await script.expect('A-RELEASE-RQ');
  script.send({ type: 'A-RELEASE-RP' });
};

/** A server of ours for reports, and how a node comes to it. */
async function startReports() {
  const reports = new CommitmentReports();
  const { eventReport } = reports;
  server = await listen({ aeTitle: 'ADIT', host: '127.0.0.1', port: 0, handlers: { eventReport } });
  const { port } = server;
  /** @param roles the node says that it is the SCP, as it should */
  const come = async (information: Attributes, roles: boolean, eventTypeId = 1): Promise<number> => {
    const peer = await scriptedClient(port);
    const request = associateRequest([[CLASS, EXPLICIT]]);
    const role = { sopClassUid: CLASS, scu: false, scp: true };
    peer.send({
      ...request,
      userInformation: { ...request.userInformation, roles: roles ? [role] : [] },
    });
    const { userInformation, contexts } = await peer.expect('A-ASSOCIATE-AC');
    expect(contexts[0]!.result).toBe(0);
    expect(userInformation.roles).toEqual(roles ? [role] : []);
    const status = await report(peer, information, eventTypeId);
    peer.send({ type: 'A-RELEASE-RQ' });
    await peer.expect('A-RELEASE-RP');
    return status;
  };
  return { reports, come };
}

describe('a report on the same association', () => {
  test('tells what is safe and what is not', async () => {
    await using peer = await scriptedServer(async (script) => {
      await script.accept();
      const { '00081195': transaction, '00081199': asked } = await takeAction(script);
      expect(asked).toEqual(
        attributesFrom({ ReferencedSOPSequence: instances.map((one) => item(one)) })['00081199'],
      );
      const information = attributesFrom({
        TransactionUID: transaction!,
        ReferencedSOPSequence: [item(instances[0]!)],
        FailedSOPSequence: [item(instances[1]!, 0x0112)],
      });
      expect(await report(script, information, 2)).toBe(0);
      await released(script);
    });
    const result = await requestStorageCommitment(peer.node, instances);
    expect(result).toEqual({
      transactionUid: expect.stringMatching(/^2\.25\./),
      committed: [instances[0]],
      failed: [
        { ...instances[1], reason: 0x0112, message: '0112 (no such SOP instance)' },
        // It was asked about, and the report is silent on it.
        { ...instances[2], reason: undefined, message: 'the report gives no reason' },
      ],
    });
  });

  test('may come before the answer to the request', async () => {
    await using peer = await scriptedServer(async (script) => {
      await script.accept();
      const { command, dataset } = await script.receiveMessage();
      const { '00081195': transaction } = decodeDataset(dataset, { transferSyntaxUid: EXPLICIT });
      const information = attributesFrom({
        TransactionUID: transaction!,
        ReferencedSOPSequence: instances.map((one) => item(one)),
      });
      expect(await report(script, information)).toBe(0);
      const { messageId } = decodeCommandSet(command);
      script.sendMessage(1, { commandField: 0x8130, messageIdBeingRespondedTo: messageId!, status: 0 });
      await released(script);
    });
    expect((await requestStorageCommitment(peer.node, instances)).committed).toEqual(instances);
  });

  test('that is none is refused, and the right one waited for', async () => {
    await using peer = await scriptedServer(async (script) => {
      await script.accept();
      const { '00081195': transaction } = await takeAction(script);
      const information = attributesFrom({
        TransactionUID: transaction!,
        ReferencedSOPSequence: instances.map((one) => item(one)),
      });
      expect(await report(script, attributesFrom({ TransactionUID: '1.2.3' }))).toBe(0x0115);
      expect(await report(script, information, 3)).toBe(0x0113);
      // What a peer may not ask for on this association.
      script.sendMessage(1, { commandField: 0x0030, messageId: 8 });
      const { command } = await script.receiveMessage();
      expect(decodeCommandSet(command)).toMatchObject({ commandField: 0x8030, status: 0x0211 });
      expect(await report(script, information)).toBe(0);
      await released(script);
    });
    expect((await requestStorageCommitment(peer.node, instances)).committed).toEqual(instances);
  });
});

describe('a report on an association of the node', () => {
  test.each([true, false])('arrives, with a role selected: %s', async (roles) => {
    const { reports, come } = await startReports();
    const asked = Promise.withResolvers<Attributes>();
    await using peer = await scriptedServer(async (script) => {
      await script.accept();
      asked.resolve(await takeAction(script));
      await released(script);
    });
    const result = requestStorageCommitment(peer.node, instances, { reports, holdSeconds: 0.05 });
    const { '00081195': transaction } = await asked.promise;
    await sleep(100);
    const information = attributesFrom({
      TransactionUID: transaction!,
      ReferencedSOPSequence: instances.map((one) => item(one)),
    });
    expect(await come(information, roles)).toBe(0);
    expect((await result).committed).toEqual(instances);
    // Told again, it finds nobody who waits.
    expect(await come(information, roles)).toBe(0x0115);
  });

  test('arrives while the first association is still held', async () => {
    const { reports, come } = await startReports();
    await using peer = await scriptedServer(async (script) => {
      await script.accept();
      const { '00081195': transaction } = await takeAction(script);
      const failed = attributesFrom({
        TransactionUID: transaction!,
        FailedSOPSequence: instances.map((one) => item(one, 0x0110)),
      });
      expect(await come(failed, true, 2)).toBe(0);
      await released(script);
    });
    const result = await requestStorageCommitment(peer.node, instances, { reports, holdSeconds: 20 });
    expect(result.failed.map(({ reason }) => reason)).toEqual([0x0110, 0x0110, 0x0110]);
  });
});

describe('no report', () => {
  const silent = async (script: ScriptedPeer) => {
    await takeAction(script);
    await released(script);
  };

  test('in time is an error that says what to look at', async () => {
    await using peer = await scriptedServer(async (script) => {
      await script.accept();
      await silent(script);
    });
    await expect(
      requestStorageCommitment(peer.node, instances, { timeoutSeconds: 0.1 }),
    ).rejects.toMatchObject({
      code: 'TIMEOUT',
      retryable: true,
      message: expect.stringContaining('did not report within 0.1 s'),
    });
  });

  test('in time on an association of its own either', async () => {
    const { reports } = await startReports();
    await using peer = await scriptedServer(async (script) => {
      await script.accept();
      await silent(script);
    });
    const options = { reports, timeoutSeconds: 0.2, holdSeconds: 0.05 };
    await expect(requestStorageCommitment(peer.node, instances, options)).rejects.toMatchObject({
      code: 'TIMEOUT',
    });
  });

  test('and the end of the association, without a server to report to', async () => {
    await using peer = await scriptedServer(async (script) => {
      await script.accept();
      await takeAction(script);
      script.send({ type: 'A-RELEASE-RQ' });
      await script.expect('A-RELEASE-RP');
    });
    await expect(requestStorageCommitment(peer.node, instances)).rejects.toMatchObject({
      code: 'CONNECTION_LOST',
      message: expect.stringContaining('let it report to a server of this side'),
    });
  });

  test('wanted any more: the signal ends the wait', async () => {
    const controller = new AbortController();
    await using peer = await scriptedServer(async (script) => {
      await script.accept();
      await takeAction(script);
      controller.abort(new Error('enough'));
      await script.untilClosed();
    });
    await expect(
      requestStorageCommitment(peer.node, instances, { signal: controller.signal }),
    ).rejects.toThrow('enough');
  });
});

test('a request that is refused says so', async () => {
  await using peer = await scriptedServer(async (script) => {
    await script.accept();
    await takeAction(script, 0x0213);
    await released(script);
  });
  await expect(requestStorageCommitment(peer.node, instances)).rejects.toMatchObject({
    code: 'STATUS',
    status: 0x0213,
    retryable: true,
  });
});

test('a node without storage commitment is named', async () => {
  server = await listen({ aeTitle: 'ADIT', host: '127.0.0.1', port: 0, handlers: {} });
  const node: DimseNode = { aeTitle: 'ADIT', host: '127.0.0.1', port: server.port };
  await expect(requestStorageCommitment(node, instances)).rejects.toMatchObject({
    code: 'NO_CONTEXT',
    message: expect.stringContaining('Storage Commitment'),
  });
});

describe('verifying by commitment', () => {
  const study = {
    studyInstanceUid: '1.2',
    instances: instances.map((one) => ({ ...one, bytes: 100 })),
  };

  test('tells which instances the node does not answer for', async () => {
    await using peer = await scriptedServer(async (script) => {
      await script.accept();
      const { '00081195': transaction } = await takeAction(script);
      const information = attributesFrom({
        TransactionUID: transaction!,
        ReferencedSOPSequence: [item(instances[0]!)],
        FailedSOPSequence: [item(instances[1]!, 0x0112)],
      });
      expect(await report(script, information, 2)).toBe(0);
      await released(script);
    });
    expect(await verifyByCommitment(peer.node)(study)).toEqual({
      verification: 'commitment',
      verified: 1,
      missing: ['1.2.2', '1.2.3'],
    });
  });

  test('is none at a node that does not offer it', async () => {
    server = await listen({ aeTitle: 'ADIT', host: '127.0.0.1', port: 0, handlers: {} });
    const node: DimseNode = { aeTitle: 'ADIT', host: '127.0.0.1', port: server.port };
    expect(await verifyByCommitment(node)(study)).toEqual({ verification: 'none', verified: 0 });
  });

  test('is none at a node that refuses to be asked', async () => {
    await using peer = await scriptedServer(async (script) => {
      await script.accept();
      await takeAction(script, 0x0124);
      await released(script);
    });
    expect(await verifyByCommitment(peer.node)(study)).toEqual({ verification: 'none', verified: 0 });
  });

  test('is an error at a node that never reports', async () => {
    await using peer = await scriptedServer(async (script) => {
      await script.accept();
      await takeAction(script);
      await released(script);
    });
    await expect(verifyByCommitment(peer.node, { timeoutSeconds: 0.1 })(study)).rejects.toMatchObject({
      code: 'TIMEOUT',
      retryable: true,
    });
  });
});
