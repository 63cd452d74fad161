import {
  type AssociateAc,
  type AssociateRq,
  ContextResult,
  type PresentationContextProposal,
  type PresentationContextResult,
  type RoleSelection,
} from './pdu.ts';

/** Identifiers are odd numbers up to 255 (PS3.8 §9.3.2.2). */
export const MAXIMUM_CONTEXTS = 128;

/** A presentation context to ask for. */
export interface ContextRequest {
  /** SOP class UID. */
  abstractSyntax: string;
  /** The acceptor picks one of them: give one alone where the choice matters. */
  transferSyntaxes: readonly string[];
  /**
   * What this side will be. `scp` asks for the role selection that C-GET needs for storage classes (PS3.7 §D.3.3.4).
   * Default: `scu`.
   */
  role?: 'scu' | 'scp' | 'both';
}

/** A presentation context both sides agreed on. */
export interface PresentationContext {
  readonly id: number;
  readonly abstractSyntax: string;
  readonly transferSyntax: string;
  /** This side may send requests on it. */
  readonly scu: boolean;
  /** This side may be sent requests on it. */
  readonly scp: boolean;
}

// The requestor's side

/** Numbers contexts and gathers role selections, of which there is one a SOP class. */
export function proposeContexts(requests: readonly ContextRequest[]): {
  contexts: PresentationContextProposal[];
  roles: RoleSelection[];
} {
  if (requests.length > MAXIMUM_CONTEXTS) {
    throw new RangeError(`An association has at most ${MAXIMUM_CONTEXTS} presentation contexts`);
  }
  const contexts = requests.map((request, index) => ({
    id: 2 * index + 1,
    abstractSyntax: request.abstractSyntax,
    transferSyntaxes: request.transferSyntaxes,
  }));
  const roles = new Map<string, RoleSelection>();
  for (const { abstractSyntax, role } of requests) {
    if (role === undefined || role === 'scu') continue;
    const before = roles.get(abstractSyntax);
    roles.set(abstractSyntax, {
      sopClassUid: abstractSyntax,
      scu: role === 'both' || (before?.scu ?? false),
      scp: true,
    });
  }
  return { contexts, roles: [...roles.values()] };
}

/**
 * What the acceptor's answer comes to. Contexts are matched by their identifiers, in whatever order they come; an accepted
 * transfer syntax that was not proposed makes a context useless and is dropped.
 *
 * An answer that leaves a role out refuses it by the standard. The role is assumed all the same: there are servers that
 * send by C-GET without ever answering, and nothing is lost with those that do not.
 */
export function agreedContexts(request: AssociateRq, answer: AssociateAc): PresentationContext[] {
  const proposals = new Map(request.contexts.map((context) => [context.id, context]));
  const asked = rolesBySopClass(request.userInformation.roles);
  const answered = rolesBySopClass(answer.userInformation.roles);
  const agreed: PresentationContext[] = [];
  for (const result of answer.contexts) {
    const proposal = proposals.get(result.id);
    if (!proposal || result.result !== ContextResult.acceptance) continue;
    if (!proposal.transferSyntaxes.includes(result.transferSyntax)) continue;
    const wanted = asked.get(proposal.abstractSyntax) ?? DEFAULT_ROLES;
    const granted = answered.get(proposal.abstractSyntax) ?? wanted;
    agreed.push({
      id: result.id,
      abstractSyntax: proposal.abstractSyntax,
      transferSyntax: result.transferSyntax,
      scu: wanted.scu && granted.scu,
      scp: wanted.scp && granted.scp,
    });
  }
  return agreed;
}

// The acceptor's side

/** What a server takes of one SOP class. */
export interface AcceptedSopClass {
  /** The transfer syntax to use of those proposed; undefined: none of them. */
  chooseTransferSyntax(proposed: readonly string[]): string | undefined;
  /** The peer may send requests. */
  peerScu: boolean;
  /** The peer may be sent requests, as C-GET does with objects. */
  peerScp: boolean;
}

export interface NegotiatedContexts {
  /** The answer, one for each proposal. */
  results: PresentationContextResult[];
  roles: RoleSelection[];
  /** What was agreed, seen from this side. */
  agreed: PresentationContext[];
}

/** Answers each proposed context (PS3.8 §9.3.3.2) and each role selection (PS3.7 §D.3.3.4). */
export function negotiateContexts(
  request: AssociateRq,
  acceptedSopClass: (abstractSyntax: string) => AcceptedSopClass | undefined,
): NegotiatedContexts {
  const asked = rolesBySopClass(request.userInformation.roles);
  const roles = new Map<string, RoleSelection>();
  const agreed: PresentationContext[] = [];
  const results = request.contexts.map((proposal): PresentationContextResult => {
    const { id, abstractSyntax } = proposal;
    const refusal = (result: number) => ({ id, result, transferSyntax: proposal.transferSyntaxes[0] ?? '' });
    const accepted = acceptedSopClass(abstractSyntax);
    if (!accepted) return refusal(ContextResult.abstractSyntaxNotSupported);
    const wanted = asked.get(abstractSyntax) ?? DEFAULT_ROLES;
    const scu = wanted.scu && accepted.peerScu;
    const scp = wanted.scp && accepted.peerScp;
    if (!scu && !scp) return refusal(ContextResult.abstractSyntaxNotSupported);
    const transferSyntax = accepted.chooseTransferSyntax(proposal.transferSyntaxes);
    if (transferSyntax === undefined) return refusal(ContextResult.transferSyntaxesNotSupported);
    if (asked.has(abstractSyntax)) roles.set(abstractSyntax, { sopClassUid: abstractSyntax, scu, scp });
    agreed.push({ id, abstractSyntax, transferSyntax, scu: scp, scp: scu });
    return { id, result: ContextResult.acceptance, transferSyntax };
  });
  return { results, roles: [...roles.values()], agreed };
}

/** Without a role selection the requestor is SCU (PS3.7 §D.3.3.4). */
const DEFAULT_ROLES = { scu: true, scp: false };

function rolesBySopClass(roles: readonly RoleSelection[]): Map<string, RoleSelection> {
  return new Map(roles.map((role) => [role.sopClassUid, role]));
}
