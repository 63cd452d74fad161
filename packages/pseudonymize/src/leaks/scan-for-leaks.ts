import {
  createElementReader,
  DicomError,
  type Token,
  TransferSyntax,
  transferSyntaxOrDefault,
} from '@adit/core';
import type { Identifier } from '../identifiers/identifier.ts';
import { type LeakInput, type LeakInputOptions, openInput } from './leak-input.ts';
import { type Leak, LeakScanner, type ScanOptions } from './leak-scanner.ts';
import { LeakSearch } from './leak-search.ts';

export interface ScanForLeaksOptions extends ScanOptions, LeakInputOptions {}

/** What a scan found. */
export interface LeakReport {
  /** The first ones, at most `maxLeaks`, in the order of their places; one for an identifier in a value. */
  leaks: Leak[];
  /** Bytes that were looked at, inflated if they were deflated. */
  bytes: number;
  /** Was it read as DICOM to its end? What was not, or is none, was searched as plain bytes. */
  isDicom: boolean;
}

/** `DICM` after the preamble (PS3.10 §7.1). */
const metaStart = 132;

/**
 * Looks for identifiers in a file or a data set, in whole or in part: names by component, numbers, dates in the ways
 * people write them, UIDs, texts; in every character set of the standard whatever the one declared, in UTF-16, hex and
 * base64, in preamble, file meta information, private and nested elements. Values are decoded besides, so that case,
 * marks, the width of kana and the order of a name make no difference.
 *
 * Memory does not depend on the size of the input. Words of less than four letters, and of less than six in code strings,
 * count only where they stand alone in a text; among numbers and pixels, eight characters are needed. One search for many inputs is
 * made by `new LeakSearch(identifiers)`.
 *
 * Throws what reading the input throws; a damaged file is no error, it is searched as the bytes it is.
 *
 * @example
 * const identifiers = await identifiersOf(createReadStream('original.dcm'));
 * const { leaks } = await scanForLeaks(createReadStream('pseudonymized.dcm'), identifiers);
 */
export async function scanForLeaks(
  input: LeakInput,
  identifiers: readonly Identifier[] | LeakSearch,
  options: ScanForLeaksOptions = {},
): Promise<LeakReport> {
  const search = identifiers instanceof LeakSearch ? identifiers : new LeakSearch(identifiers);
  const { front, transferSyntaxUid, rest } = await openInput(input, options);
  const leaks = scanFront(front, search, options);
  const scanner = new LeakScanner(search, options, front.length);
  let bytes = front.length;
  let isDicom = transferSyntaxUid !== undefined;
  const reader = isDicom ? createElementReader({ transferSyntaxUid: transferSyntaxUid! }) : undefined;
  const isDeflated = isDicom && transferSyntaxOrDefault(transferSyntaxUid!).deflated;
  /** Bytes that are part of no token yet: what is left where a data set cannot be read any further. */
  let unread: Uint8Array[] = [];
  const takePlain = (chunk: Uint8Array) => {
    scanner.takePlain(chunk);
    bytes += chunk.length;
  };
  const takeAll = (tokens: Iterable<Token>) => {
    try {
      for (const token of tokens) {
        scanner.take(token);
        bytes += token.bytes.length;
        if (!isDeflated) unread = withoutFirst(unread, token.bytes.length);
      }
    } catch (error) {
      if (!(error instanceof DicomError)) throw error;
      isDicom = false;
      scanner.end();
      for (const chunk of unread) takePlain(chunk);
    }
  };
  for await (const chunk of rest) {
    if (!isDicom) {
      takePlain(chunk);
      continue;
    }
    unread = isDeflated ? [chunk] : [...unread, chunk];
    takeAll(reader!.push(chunk));
  }
  if (isDicom) takeAll(reader!.end());
  scanner.end();
  leaks.push(...scanner.leaks);
  leaks.sort((a, b) => a.offset - b.offset);
  return { leaks: leaks.slice(0, options.maxLeaks ?? 1000), bytes, isDicom };
}

/** Preamble and file meta information (PS3.10 §7.1). */
function scanFront(front: Uint8Array, search: LeakSearch, options: ScanOptions): Leak[] {
  if (front.length === 0) return [];
  const preamble = new LeakScanner(search, options);
  const length = Math.min(front.length, metaStart);
  preamble.takePlain(front.subarray(0, length));
  preamble.end();
  const meta = new LeakScanner(search, options, length);
  const reader = createElementReader({ transferSyntaxUid: TransferSyntax.ExplicitVrLittleEndian });
  try {
    for (const token of reader.push(front.subarray(length))) meta.take(token);
    for (const token of reader.end()) meta.take(token);
  } catch {
    meta.takePlain(front.subarray(length));
  }
  meta.end();
  return [...preamble.leaks, ...meta.leaks];
}

function withoutFirst(chunks: Uint8Array[], length: number): Uint8Array[] {
  let left = length;
  while (chunks.length > 0 && left >= chunks[0]!.length) left -= chunks.shift()!.length;
  if (left > 0 && chunks.length > 0) chunks[0] = chunks[0]!.subarray(left);
  return chunks;
}
