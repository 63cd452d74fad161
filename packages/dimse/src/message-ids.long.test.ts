import { SopClass, TransferSyntax } from '@adit/core';
import { expect, test } from 'vitest';
import { decodeCommandSet } from './command-set.ts';
import { connect } from './connect.ts';
import { scriptedServer } from './testing/scripted-peer.ts';

test('message ids begin again after 65535, and skip what is still open', { timeout: 120_000 }, async () => {
  const echoes = 65_540;
  const ids: number[] = [];
  await using peer = await scriptedServer(async (script) => {
    await script.accept();
    const answer = (messageId: number) =>
      script.sendMessage(1, { commandField: 0x8030, messageIdBeingRespondedTo: messageId, status: 0 });
    for (let count = 0; count < echoes; count++) {
      const { messageId = 0 } = decodeCommandSet((await script.receiveMessage()).command);
      ids.push(messageId);
      // The third stays unanswered until the end.
      if (count !== 2) answer(messageId);
    }
    answer(3);
    await script.expect('A-RELEASE-RQ');
    script.send({ type: 'A-RELEASE-RP' });
    await script.untilClosed();
  });
  const contexts = [
    { abstractSyntax: SopClass.Verification, transferSyntaxes: [TransferSyntax.ImplicitVrLittleEndian] },
  ];
  const association = await connect(peer.node, { contexts });
  let open: Promise<void> | undefined;
  for (let count = 0; count < echoes; count++) {
    if (count === 2) open = association.cEcho();
    else await association.cEcho();
  }
  await open;
  await association.release();
  expect(ids.slice(0, 5)).toEqual([1, 2, 3, 4, 5]);
  expect(ids.slice(65_533)).toEqual([65_534, 65_535, 1, 2, 4, 5, 6]);
});
