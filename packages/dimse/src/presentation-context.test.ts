import { describe, expect, test } from 'vitest';
import { APPLICATION_CONTEXT, type AssociateAc, type AssociateRq, type RoleSelection } from './pdu.ts';
import {
  agreedContexts,
  type ContextRequest,
  negotiateContexts,
  proposeContexts,
} from './presentation-context.ts';

const CT = '1.2.840.10008.5.1.4.1.1.2';
const MR = '1.2.840.10008.5.1.4.1.1.4';
const EXPLICIT = '1.2.840.10008.1.2.1';
const JPEG = '1.2.840.10008.1.2.4.50';

function requestOf(requests: readonly ContextRequest[]): AssociateRq {
  const { contexts, roles } = proposeContexts(requests);
  return {
    type: 'A-ASSOCIATE-RQ',
    protocolVersion: 1,
    calledAeTitle: 'A',
    callingAeTitle: 'B',
    applicationContext: APPLICATION_CONTEXT,
    contexts,
    userInformation: { maximumLength: 0, implementationClassUid: '1.2', roles },
  };
}

function answerOf(contexts: AssociateAc['contexts'], roles: readonly RoleSelection[] = []): AssociateAc {
  return {
    ...requestOf([]),
    type: 'A-ASSOCIATE-AC',
    contexts,
    userInformation: { maximumLength: 0, implementationClassUid: '1.2', roles },
  };
}

describe('proposing', () => {
  test('numbers contexts by odd identifiers', () => {
    const { contexts } = proposeContexts([
      { abstractSyntax: CT, transferSyntaxes: [EXPLICIT] },
      { abstractSyntax: CT, transferSyntaxes: [JPEG] },
    ]);
    expect(contexts.map(({ id }) => id)).toEqual([1, 3]);
  });

  test('asks for one role a SOP class', () => {
    const { roles } = proposeContexts([
      { abstractSyntax: CT, transferSyntaxes: [EXPLICIT], role: 'scp' },
      { abstractSyntax: CT, transferSyntaxes: [JPEG], role: 'scp' },
      { abstractSyntax: MR, transferSyntaxes: [JPEG] },
    ]);
    expect(roles).toEqual([{ sopClassUid: CT, scu: false, scp: true }]);
  });

  test('takes 128 contexts and no more', () => {
    const many = Array.from({ length: 129 }, () => ({ abstractSyntax: CT, transferSyntaxes: [EXPLICIT] }));
    expect(proposeContexts(many.slice(1)).contexts.at(-1)?.id).toBe(255);
    expect(() => proposeContexts(many)).toThrow(RangeError);
  });
});

describe('the answer of an acceptor', () => {
  const request = requestOf([
    { abstractSyntax: CT, transferSyntaxes: [EXPLICIT] },
    { abstractSyntax: CT, transferSyntaxes: [JPEG] },
    { abstractSyntax: MR, transferSyntaxes: [EXPLICIT], role: 'scp' },
  ]);

  test('is matched by identifiers, in whatever order it comes', () => {
    const agreed = agreedContexts(
      request,
      answerOf([
        { id: 3, result: 0, transferSyntax: JPEG },
        { id: 1, result: 0, transferSyntax: EXPLICIT },
      ]),
    );
    expect(agreed).toEqual([
      { id: 3, abstractSyntax: CT, transferSyntax: JPEG, scu: true, scp: false },
      { id: 1, abstractSyntax: CT, transferSyntax: EXPLICIT, scu: true, scp: false },
    ]);
  });

  test('is not believed when it names what was not proposed', () => {
    const agreed = agreedContexts(
      request,
      answerOf([
        { id: 1, result: 0, transferSyntax: JPEG },
        { id: 7, result: 0, transferSyntax: EXPLICIT },
        { id: 3, result: 4, transferSyntax: JPEG },
      ]),
    );
    expect(agreed).toEqual([]);
  });

  test('may leave out the roles it was asked for', () => {
    const [context] = agreedContexts(request, answerOf([{ id: 5, result: 0, transferSyntax: EXPLICIT }]));
    expect(context).toMatchObject({ scu: false, scp: true });
  });

  test('may refuse a role', () => {
    const roles = [{ sopClassUid: MR, scu: true, scp: false }];
    const [context] = agreedContexts(
      request,
      answerOf([{ id: 5, result: 0, transferSyntax: EXPLICIT }], roles),
    );
    expect(context).toMatchObject({ scu: false, scp: false });
  });
});

describe('the answer to a requestor', () => {
  const policy = (abstractSyntax: string) =>
    abstractSyntax === CT
      ? {
          chooseTransferSyntax: (proposed: readonly string[]) => proposed.find((uid) => uid === EXPLICIT),
          peerScu: true,
          peerScp: true,
        }
      : undefined;

  test('has one result for each proposal', () => {
    const { results, agreed } = negotiateContexts(
      requestOf([
        { abstractSyntax: CT, transferSyntaxes: [JPEG, EXPLICIT] },
        { abstractSyntax: CT, transferSyntaxes: [JPEG] },
        { abstractSyntax: MR, transferSyntaxes: [EXPLICIT] },
      ]),
      policy,
    );
    expect(results.map(({ id, result }) => [id, result])).toEqual([
      [1, 0],
      [3, 4],
      [5, 3],
    ]);
    expect(agreed).toEqual([{ id: 1, abstractSyntax: CT, transferSyntax: EXPLICIT, scu: false, scp: true }]);
  });

  test('grants the roles that were asked for', () => {
    const { roles, agreed } = negotiateContexts(
      requestOf([{ abstractSyntax: CT, transferSyntaxes: [EXPLICIT], role: 'scp' }]),
      policy,
    );
    expect(roles).toEqual([{ sopClassUid: CT, scu: false, scp: true }]);
    // Seen from here: this side may send, the peer may not.
    expect(agreed).toMatchObject([{ scu: true, scp: false }]);
  });

  test('says nothing of roles nobody asked for', () => {
    const { roles } = negotiateContexts(
      requestOf([{ abstractSyntax: CT, transferSyntaxes: [EXPLICIT] }]),
      policy,
    );
    expect(roles).toEqual([]);
  });
});
