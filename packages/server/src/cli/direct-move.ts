import type { DirectMove } from '@adit/core';
import type { Source } from './open-source.ts';
import type { Place } from './place.ts';
import type { TransferOptions } from './transfer.ts';
import { UsageError } from './usage-error.ts';

/**
 * For `--direct`: has the source send to the destination by C-MOVE, under the title of the destination. Throws `UsageError`
 * where that cannot be.
 */
export function directMove(
  source: Source,
  to: Place,
  { verify }: TransferOptions,
  { changes }: { changes: boolean },
): DirectMove {
  const { move } = source;
  if (!move || to.kind !== 'dimse') {
    throw new UsageError(
      '--direct goes from one DIMSE node to another: both are written dicom://AET@host:port.',
    );
  }
  if (changes) {
    throw new UsageError(
      '--direct changes nothing: objects that are to be pseudonymized have to come by here.',
    );
  }
  if (verify === 'commitment') {
    throw new UsageError('--direct cannot be verified by commitment: use image, count or none.');
  }
  return (selection, options) => move(selection, { ...options, destination: to.node.aeTitle });
}
