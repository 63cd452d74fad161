import type { ReceiverPlace } from './arguments.ts';
import type { Output } from './output.ts';
import { parsePlace } from './place.ts';
import { transferCommand } from './transfer.ts';
import { UsageError } from './usage-error.ts';

export interface GetOptions {
  study: string[];
  series?: string[];
  output: string;
  headerFile?: string;
  receiver?: ReceiverPlace;
}

/** `adit get NODE --study UID… -o FOLDER`: a transfer into a folder that changes nothing. */
export async function getCommand(
  output: Output,
  from: string,
  { output: folder, ...options }: GetOptions,
  signal: AbortSignal,
): Promise<boolean> {
  const { kind } = parsePlace(from);
  if (kind !== 'dimse' && kind !== 'dicomweb') {
    throw new UsageError(`${from} is no node: name a DIMSE node or a DICOMweb service to get from.`);
  }
  return transferCommand(output, { ...options, from, to: `folder:${folder}` }, signal);
}
