import type { StoreOutcome } from '@adit/core';

/** `A700` */
const hex = (reason: number): string => reason.toString(16).toUpperCase().padStart(4, '0');

/**
 * What a Failure Reason (0008,1197) of a store means (PS3.18 Table I.2-2; PS3.7 Annex C).
 *
 * Azure Health Data Services has two codes of its own in the range of warnings: B00E for an instance that is there already,
 * B00F for one that is being stored by somebody else.
 */
export function outcomeOfFailure(reason: number | undefined, name: string): StoreOutcome {
  if (reason === undefined) {
    return {
      state: 'failed',
      message: `${name} did not store the instance and gave no reason: see its log.`,
    };
  }
  const failed = (message: string, retryable = false): StoreOutcome => ({
    state: 'failed',
    status: reason,
    message: `${name} ${message} (${hex(reason)})`,
    retryable,
  });
  // Duplicate SOP instance.
  if (reason === 0x0111 || reason === 0xb00e) return { state: 'present', status: reason };
  if (reason === 0xb00f)
    return failed('is storing the same instance for somebody else: try again later', true);
  if (reason >> 8 === 0xa7 || reason === 0x0213) return failed('is out of resources: try again later', true);
  if (reason >> 8 === 0xa9)
    return failed('refused the instance: its data set does not match its SOP class or its study');
  if (reason === 0xc122) return failed('does not take the transfer syntax of the instance');
  if (reason >> 12 === 0xc) return failed('cannot understand the data set of the instance');
  if (reason === 0x0122) return failed('does not take the SOP class of the instance');
  if (reason === 0x0124)
    return failed('does not allow to store the instance: check the rights of this client');
  if (reason === 0x0117) return failed('calls the instance invalid');
  if (reason === 0x0110) return failed('could not process the instance: see its log');
  return failed('did not store the instance');
}

/** What a Warning Reason (0008,1196) of a store means (PS3.18 Table I.2-1). */
export function outcomeOfWarning(reason: number, name: string): StoreOutcome {
  const meaning: Record<number, string> = {
    45056: 'changed elements of the instance',
    45062: 'left out elements of the instance',
    45063: 'found that the data set does not match its SOP class',
  };
  const text = meaning[reason] ?? 'made a remark on the instance';
  return { state: 'warning', status: reason, message: `${name} ${text} (${hex(reason)})` };
}
