import { decodeDataset, textsOf } from '@adit/core';
import type { CommandSet } from './command-set.ts';
import type { Response } from './response-queue.ts';

/** Sub-operations of a C-GET or C-MOVE by their ends (PS3.7 §9.1.3.1); undefined where the peer does not count. */
export interface SubOperationCounts {
  /** Not begun yet. Told while the operation goes on and when it was cancelled. */
  remaining: number | undefined;
  completed: number | undefined;
  failed: number | undefined;
  /** Stored with a warning. */
  warning: number | undefined;
}

/** How a C-GET or C-MOVE ended: its final response. */
export interface SubOperationsEnd extends SubOperationCounts {
  status: number;
  /** Failed SOP Instance UID List (0008,0058). */
  failedInstances: readonly string[];
  /** Error Comment (0000,0902): the peer's own words, which may name a patient. */
  comment: string | undefined;
}

export function countsOf(command: CommandSet): SubOperationCounts {
  return {
    remaining: command.numberOfRemainingSuboperations,
    completed: command.numberOfCompletedSuboperations,
    failed: command.numberOfFailedSuboperations,
    warning: command.numberOfWarningSuboperations,
  };
}

export function endOf(response: Response): SubOperationsEnd {
  const { command } = response;
  return {
    status: command.status ?? 0,
    ...countsOf(command),
    failedInstances: failedInstances(response),
    comment: command.errorComment,
  };
}

/** A list that cannot be read is no reason to fail: the counters tell as much as they can. */
function failedInstances({ command, identifier, context }: Response): readonly string[] {
  if (!identifier || identifier.length === 0) return command.failedSopInstanceUidList ?? [];
  try {
    const attributes = decodeDataset(identifier, { transferSyntaxUid: context.transferSyntax });
    return textsOf(attributes, 'FailedSOPInstanceUIDList').filter((uid) => uid !== '');
  } catch {
    return [];
  }
}
