import { SopClass, TransferSyntax } from '@adit/core';
import { describe, expect, test } from 'vitest';
import { connect } from './connect.ts';
import type { DimseError } from './dimse-error.ts';
import { echo } from './echo.ts';
import type { DimseNode } from './node.ts';
import { freePort } from './testing/free-port.ts';
import { scriptedServer } from './testing/scripted-peer.ts';

const contexts = [
  { abstractSyntax: SopClass.Verification, transferSyntaxes: [TransferSyntax.ImplicitVrLittleEndian] },
];

async function failure(promise: Promise<unknown>): Promise<DimseError> {
  return promise.then(
    () => expect.unreachable(),
    (error) => error,
  );
}

describe('an association that cannot be had', () => {
  test('because nothing listens', async () => {
    const node: DimseNode = {
      aeTitle: 'PACS',
      host: '127.0.0.1',
      port: await freePort(),
      connectAttempts: 1,
    };
    const error = await failure(connect(node, { contexts }));
    expect(error).toMatchObject({ code: 'UNREACHABLE', retryable: true });
    expect(error.message).toMatch(
      /^PACS@127\.0\.0\.1:\d+ refused the connection: nothing listens there; .*\.$/,
    );
  });

  test('because the host name does not exist', async () => {
    const node: DimseNode = { aeTitle: 'PACS', host: 'pacs.invalid', port: 104, connectAttempts: 1 };
    const error = await failure(connect(node, { contexts }));
    expect(error.code).toBe('UNREACHABLE');
    expect(error.message).toMatch(/^The host name pacs\.invalid of PACS@pacs\.invalid:104 .*\.$/);
  });

  test('because the node is described wrongly', async () => {
    const node: DimseNode = { aeTitle: 'THIS_IS_TOO_LONG_A_TITLE', host: 'h', port: 104 };
    expect(await failure(connect(node, { contexts }))).toMatchObject({
      code: 'INVALID_NODE',
      retryable: false,
    });
  });

  test.each([
    [1, 1, 3, false, 'calling AE title not recognised; register the AE title ADIT'],
    [1, 1, 7, false, 'called AE title not recognised'],
    [2, 3, 2, true, 'local limit exceeded'],
  ])('because the node rejects it (%i, %i, %i)', async (result, source, reason, retryable, words) => {
    await using server = await scriptedServer(async (peer) => {
      await peer.expect('A-ASSOCIATE-RQ');
      peer.send({ type: 'A-ASSOCIATE-RJ', result, source, reason });
      await peer.untilClosed();
    });
    const error = await failure(connect(server.node, { contexts }));
    expect(error).toMatchObject({ code: 'REJECTED', retryable });
    expect(error.message).toContain(words);
  });

  test('because the node aborts', async () => {
    await using server = await scriptedServer(async (peer) => {
      await peer.expect('A-ASSOCIATE-RQ');
      peer.send({ type: 'A-ABORT', source: 2, reason: 6 });
      await peer.untilClosed();
    });
    const error = await failure(connect(server.node, { contexts }));
    expect(error.code).toBe('ABORTED');
    expect(error.message).toContain('invalid PDU parameter value');
  });

  test('because the node hangs up', async () => {
    await using server = await scriptedServer(async (peer) => {
      await peer.expect('A-ASSOCIATE-RQ');
      peer.socket.end();
      await peer.untilClosed();
    });
    expect(await failure(connect(server.node, { contexts }))).toMatchObject({ code: 'CONNECTION_LOST' });
  });

  test('because the node never answers', async () => {
    await using server = await scriptedServer(async (peer) => {
      await peer.expect('A-ASSOCIATE-RQ');
      expect(await peer.expect('A-ABORT')).toMatchObject({ source: 0 });
      await peer.untilClosed();
    });
    const error = await failure(connect({ ...server.node, timeouts: { associate: 0.1 } }, { contexts }));
    expect(error).toMatchObject({ code: 'TIMEOUT', retryable: true });
    expect(error.message).toContain('did not answer the association request within 0.1 s');
  });

  test('because the node speaks another protocol', async () => {
    await using server = await scriptedServer(async (peer) => {
      await peer.expect('A-ASSOCIATE-RQ');
      peer.send(Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n'));
      expect(await peer.expect('A-ABORT')).toMatchObject({ source: 2, reason: 1 });
      await peer.untilClosed();
    });
    const error = await failure(connect(server.node, { contexts }));
    expect(error).toMatchObject({ code: 'PROTOCOL', retryable: false });
    expect(error.message).toContain('PDU type 0x48 does not exist');
  });

  test('because the node takes no PDU that holds anything', async () => {
    await using server = await scriptedServer(async (peer) => {
      await peer.accept((answer) => {
        answer.userInformation = { ...answer.userInformation, maximumLength: 4 };
      });
      await peer.expect('A-ABORT');
      await peer.untilClosed();
    });
    expect(await failure(connect(server.node, { contexts }))).toMatchObject({ code: 'PROTOCOL' });
  });

  test('because the caller gave up', async () => {
    const controller = new AbortController();
    await using server = await scriptedServer(async (peer) => {
      await peer.expect('A-ASSOCIATE-RQ');
      controller.abort(new Error('enough'));
      await peer.expect('A-ABORT');
      await peer.untilClosed();
    });
    await expect(connect(server.node, { contexts, signal: controller.signal })).rejects.toThrow('enough');
  });
});

describe('trying again', () => {
  test('a transient rejection is followed by another attempt', async () => {
    await using server = await scriptedServer(async (peer, index) => {
      if (index < 2) {
        await peer.expect('A-ASSOCIATE-RQ');
        peer.send({ type: 'A-ASSOCIATE-RJ', result: 2, source: 3, reason: 1 });
      } else {
        await peer.accept();
        await peer.expect('A-RELEASE-RQ');
        peer.send({ type: 'A-RELEASE-RP' });
      }
      await peer.untilClosed();
    });
    const association = await connect({ ...server.node, connectAttempts: 3 }, { contexts });
    await association.release();
    expect(server.connections()).toBe(3);
  });

  test('a permanent rejection is not', async () => {
    await using server = await scriptedServer(async (peer) => {
      await peer.expect('A-ASSOCIATE-RQ');
      peer.send({ type: 'A-ASSOCIATE-RJ', result: 1, source: 1, reason: 7 });
      await peer.untilClosed();
    });
    await failure(connect({ ...server.node, connectAttempts: 3 }, { contexts }));
    expect(server.connections()).toBe(1);
  });
});

test('the request names this implementation, its own limit, and pads AE titles', async () => {
  await using server = await scriptedServer(async (peer) => {
    const request = await peer.accept();
    expect(request).toMatchObject({
      protocolVersion: 1,
      calledAeTitle: 'PEER',
      callingAeTitle: 'MY STATION_1',
      userInformation: {
        maximumLength: 65536,
        implementationClassUid: expect.stringMatching(/^2\.25\./),
        implementationVersionName: expect.stringMatching(/^ADIT/),
      },
    });
    await peer.expect('A-ABORT');
    await peer.untilClosed();
  });
  const node = { ...server.node, callingAeTitle: ' MY STATION_1 ', maximumPduLength: 65536 };
  (await connect(node, { contexts })).abort();
});

test('an echo tells how long it took', async () => {
  await using server = await scriptedServer(async (peer) => {
    await peer.accept();
    const { contextId } = await peer.receiveMessage();
    peer.sendMessage(contextId, { commandField: 0x8030, messageIdBeingRespondedTo: 1, status: 0 });
    await peer.expect('A-RELEASE-RQ');
    peer.send({ type: 'A-RELEASE-RP' });
    await peer.untilClosed();
  });
  expect((await echo(server.node)).seconds).toBeGreaterThan(0);
});

test('an echo fails with the words of its status', async () => {
  await using server = await scriptedServer(async (peer) => {
    await peer.accept();
    const { contextId } = await peer.receiveMessage();
    peer.sendMessage(contextId, { commandField: 0x8030, messageIdBeingRespondedTo: 1, status: 0x0122 });
    await peer.expect('A-ABORT');
    await peer.untilClosed();
  });
  const error = await failure(echo(server.node));
  expect(error).toMatchObject({ code: 'STATUS', status: 0x0122 });
  expect(error.message).toContain('0122 (SOP class not supported)');
});

test('an echo says when the node does not offer it', async () => {
  await using server = await scriptedServer(async (peer) => {
    await peer.accept((answer) => {
      answer.contexts = [{ id: 1, result: 3, transferSyntax: '' }];
    });
    await peer.expect('A-ABORT');
    await peer.untilClosed();
  });
  const error = await failure(echo(server.node));
  expect(error).toMatchObject({ code: 'NO_CONTEXT', retryable: false });
  expect(error.message).toContain('does not accept Verification SOP Class');
});
