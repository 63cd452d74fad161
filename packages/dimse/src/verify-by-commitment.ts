import type { StoredInstance, Verifier } from '@adit/core';
import { createDimseClient } from './dimse-client.ts';
import { DimseError } from './dimse-error.ts';
import type { DimseNode } from './node.ts';
import { SelectionSearch } from './retrieve.ts';
import {
  type CommitmentOptions,
  type InstanceReference,
  requestStorageCommitment,
} from './storage-commitment.ts';

/** How to ask, and where the node's report arrives. */
export type CommitmentVerifierOptions = Omit<CommitmentOptions, 'signal'>;

/** Instances of one request: its data set stays well below a megabyte. */
const INSTANCES_PER_REQUEST = 2_000;
/** With a server of this side, nodes seldom report on the association they were asked on. */
const HOLD_SECONDS = 1;

/**
 * Verifies by storage commitment (PS3.4 §J): the node takes responsibility for each instance, or the instance is missing. A
 * node that does not offer it, or refuses to be asked, gives `none`.
 *
 * Throws `DimseError`: `TIMEOUT` where no report comes, and what `connect` throws.
 *
 * @example
 * const verify = verifyByCommitment(node, { timeoutSeconds: 5 });
 * const instances = [{ sopClassUid: SopClass.CtImageStorage, sopInstanceUid: '1.2.3', bytes: 1000 }];
 * console.log(await verify({ studyInstanceUid, instances })); // { verification: 'none', verified: 0 }
 */
export function verifyByCommitment(node: DimseNode, options: CommitmentVerifierOptions = {}): Verifier {
  const asking = { ...(options.reports && { holdSeconds: HOLD_SECONDS }), ...options };
  return async ({ studyInstanceUid, instances }, { signal } = {}) => {
    try {
      const references = await referencesOf(node, studyInstanceUid, instances, signal);
      const missing = new Set(instances.map(({ sopInstanceUid }) => sopInstanceUid));
      for (let at = 0; at < references.length; at += INSTANCES_PER_REQUEST) {
        const some = references.slice(at, at + INSTANCES_PER_REQUEST);
        const { committed } = await requestStorageCommitment(node, some, {
          ...asking,
          ...(signal && { signal }),
        });
        for (const { sopInstanceUid } of committed) missing.delete(sopInstanceUid);
      }
      return {
        verification: 'commitment',
        verified: instances.length - missing.size,
        missing: [...missing],
      };
    } catch (error) {
      signal?.throwIfAborted();
      const refused = error instanceof DimseError && (error.code === 'NO_CONTEXT' || error.code === 'STATUS');
      if (!refused || error.retryable) throw error;
      return { verification: 'none', verified: 0 };
    }
  };
}

/** What the node has is asked where a SOP class is not known; what it does not have then cannot be asked for, and lacks. */
async function referencesOf(
  node: DimseNode,
  studyInstanceUid: string,
  instances: readonly StoredInstance[],
  signal: AbortSignal | undefined,
): Promise<InstanceReference[]> {
  const known = new Map<string, string>();
  if (instances.some(({ sopClassUid }) => sopClassUid === undefined)) {
    await using client = createDimseClient(node);
    for (const { uid, sopClassUid } of await new SelectionSearch(
      client,
      { studyInstanceUid },
      signal,
    ).instances()) {
      if (sopClassUid !== undefined) known.set(uid, sopClassUid);
    }
  }
  return instances.flatMap(({ sopInstanceUid, sopClassUid = known.get(sopInstanceUid) }) =>
    sopClassUid === undefined ? [] : [{ sopInstanceUid, sopClassUid }],
  );
}
