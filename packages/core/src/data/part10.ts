import { DicomError } from '../errors.ts';
import type { DicomInstance } from '../transfer/types.ts';
import type { Attributes } from './attributes.ts';

/** Implementation Class UID (0002,0012) of the project (PS3.7 §D.3.3.2). */
export const IMPLEMENTATION_CLASS_UID = '2.25.302896791474402879380172956063280250308';

/** Implementation Version Name (0002,0013) of the project: at most 16 characters. */
export const IMPLEMENTATION_VERSION_NAME = 'ADIT_TS_1';

export interface FileMetaOptions {
  sopClassUid: string;
  sopInstanceUid: string;
  transferSyntaxUid: string;
  /** AE title of whoever wrote the file, (0002,0016). Default: none. */
  sourceAeTitle?: string;
}

/** The beginning of a file: a preamble of zeros, `DICM` and the File Meta Information (PS3.10 §7.1). */
export function encodeFileMeta(_options: FileMetaOptions): Uint8Array {
  throw new DicomError('NOT_IMPLEMENTED', 'Part 10 is being written.');
}

/** An instance read from a file, with the file's own File Meta Information. */
export interface Part10Instance extends DicomInstance {
  /** Attributes of group 0002; empty when the file has none. */
  readonly meta: Attributes;
}

/**
 * Reads a file's beginning and gives the instance in it; its data set streams as it is read. A file without preamble or
 * File Meta Information is taken for what its first bytes look like.
 *
 * Throws `NOT_DICOM` for a file that is none, `TRUNCATED` and `MALFORMED` for one that is damaged where it was read.
 */
export function readPart10(_bytes: AsyncIterable<Uint8Array>): Promise<Part10Instance> {
  throw new DicomError('NOT_IMPLEMENTED', 'Part 10 is being written.');
}

/** The bytes of a file: new File Meta Information and the data set as it is. */
export async function* writePart10(
  instance: DicomInstance,
  options: { sourceAeTitle?: string } = {},
): AsyncGenerator<Uint8Array, void, undefined> {
  const { sopClassUid, sopInstanceUid, transferSyntaxUid } = instance;
  yield encodeFileMeta({ sopClassUid, sopInstanceUid, transferSyntaxUid, ...options });
  yield* instance.dataset;
}
