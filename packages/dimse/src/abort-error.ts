import { DimseError } from './dimse-error.ts';
import type { AbortIndication } from './upper-layer.ts';

/** Reasons of an A-ABORT by the service provider (PS3.8 §9.3.8) in words. */
const ABORT_REASONS: Readonly<Record<number, string>> = {
  0: 'no reason given',
  1: 'unrecognised PDU',
  2: 'unexpected PDU',
  4: 'unrecognised PDU parameter',
  5: 'unexpected PDU parameter',
  6: 'invalid PDU parameter value',
};

/** The error that an abort indication comes to. */
export function abortError(peer: string, indication: AbortIndication): DimseError {
  switch (indication.by) {
    case 'peer': {
      const who =
        indication.source === 0
          ? 'its application'
          : `its upper layer: ${ABORT_REASONS[indication.reason] ?? `reserved reason ${indication.reason}`}`;
      return new DimseError(
        'ABORTED',
        `${peer} aborted the association (${who}); look into the node's log, or try again.`,
        { retryable: true },
      );
    }
    case 'transport':
      return new DimseError(
        'CONNECTION_LOST',
        `The connection to ${peer} was lost${indication.error ? ` (${indication.error.message})` : ''}; try again.`,
        { cause: indication.error, retryable: true },
      );
    case 'protocol':
      return new DimseError(
        'PROTOCOL',
        `${peer} broke the DICOM protocol: ${indication.message}; the association was aborted.`,
      );
  }
}

/**
 * The error of a retrieval that ended before anything came. Some nodes abort the association when they are asked for what
 * they do not allow, instead of answering with a status: Orthanc does.
 *
 * @param operation `C-GET` or `C-MOVE`
 */
export function abortAsRefusal(error: unknown, peer: string, operation: string): unknown {
  if (!(error instanceof DimseError) || error.code !== 'ABORTED') return error;
  return new DimseError(
    'NOT_OFFERED',
    `${peer} aborted the association when it was asked for a ${operation}, as nodes do that do not allow it; look into the node's log.`,
    // It may have been another trouble.
    { cause: error, retryable: true },
  );
}
