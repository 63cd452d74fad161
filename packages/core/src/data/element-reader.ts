import { DicomError } from '../errors.ts';
import type { Tag } from './tag.ts';
import type { Vr } from './vr.ts';

/** How the elements around a token are encoded: what an element put in its place must look like. */
export interface ElementEncoding {
  readonly explicitVr: boolean;
  readonly littleEndian: boolean;
}

interface TokenBase {
  /** How deep in sequences: 0 in the data set itself, 1 for items of its sequences and what they hold … */
  readonly depth: number;
  /** How the token is encoded. Below a UN of undefined length it is implicit VR little endian (PS3.5 §6.2.2). */
  readonly encoding: ElementEncoding;
  /**
   * The bytes the token was read from, as a view. Those of all tokens, one after the other, are the data set (inflated,
   * if it was deflated), so that whoever writes `bytes` of untouched tokens copies them byte for byte.
   */
  readonly bytes: Uint8Array;
}

interface ElementHead extends TokenBase {
  readonly tag: Tag;
  /** As in the data set; from the dictionary where the encoding is implicit. */
  readonly vr: Vr;
}

/** A whole element with a value of at most `maxValueLength` bytes. */
export interface ElementToken extends ElementHead {
  readonly kind: 'element';
  /** The value field with its padding, as a view. */
  readonly value: Uint8Array;
}

/** A sequence begins. `vr` is UN for one that is hidden in a UN of undefined length. `bytes` is its header. */
export interface SequenceStartToken extends ElementHead {
  readonly kind: 'sequence-start';
  /** Bytes up to its end; undefined where a delimiter ends it. */
  readonly length: number | undefined;
}

/** A sequence ends. `bytes` is the delimiter, empty after a defined length. */
export interface SequenceEndToken extends TokenBase {
  readonly kind: 'sequence-end';
}

/** An item of a sequence begins. `depth` is that of the elements in it. `bytes` is the item's header. */
export interface ItemStartToken extends TokenBase {
  readonly kind: 'item-start';
  readonly length: number | undefined;
  /** 0 for the first item. */
  readonly index: number;
}

/** An item ends. `bytes` is the delimiter, empty after a defined length. */
export interface ItemEndToken extends TokenBase {
  readonly kind: 'item-end';
}

/** Pixel data or a value longer than `maxValueLength` begins; `bulk-chunk` tokens and a `bulk-end` follow. */
export interface BulkStartToken extends ElementHead {
  readonly kind: 'bulk-start';
  readonly length: number;
}

/** The next bytes of a long value or of a fragment. */
export interface BulkChunkToken extends TokenBase {
  readonly kind: 'bulk-chunk';
}

/** A long value ends; `bytes` is empty. */
export interface BulkEndToken extends TokenBase {
  readonly kind: 'bulk-end';
}

/** Encapsulated pixel data begin (PS3.5 §A.4): fragments follow, the first of them the Basic Offset Table. */
export interface FragmentsStartToken extends ElementHead {
  readonly kind: 'fragments-start';
}

/** A fragment begins; `bulk-chunk` tokens and a `fragment-end` follow. */
export interface FragmentStartToken extends TokenBase {
  readonly kind: 'fragment-start';
  readonly length: number;
  /** 0 for the Basic Offset Table, 1 for the first fragment of the pixels. */
  readonly index: number;
}

/** A fragment ends; `bytes` is empty. */
export interface FragmentEndToken extends TokenBase {
  readonly kind: 'fragment-end';
}

/** Encapsulated pixel data end. `bytes` is the delimiter. */
export interface FragmentsEndToken extends TokenBase {
  readonly kind: 'fragments-end';
}

/** What a data set is made up of, in the order of its bytes. */
export type Token =
  | ElementToken
  | SequenceStartToken
  | SequenceEndToken
  | ItemStartToken
  | ItemEndToken
  | BulkStartToken
  | BulkChunkToken
  | BulkEndToken
  | FragmentsStartToken
  | FragmentStartToken
  | FragmentEndToken
  | FragmentsEndToken;

export interface ElementReaderOptions {
  transferSyntaxUid: string;
  /** Longer values come as bulk tokens and are never collected, in bytes. Default: 65,536. */
  maxValueLength?: number;
  /** Deepest nesting of sequences. Default: 256. */
  maxDepth?: number;
  /** Most tokens of one data set. Default: 50,000,000. */
  maxTokens?: number;
  /** Most bytes a deflated data set may inflate to. Default: 8 GiB. */
  maxInflatedLength?: number;
  /** How many times longer than deflated a data set may be, once it is longer than 64 MiB. Default: 250. */
  maxInflationRatio?: number;
}

/**
 * Reads a data set as its bytes arrive, whatever the chunks they come in.
 *
 * Memory is bounded by `maxValueLength` and one chunk. Tokens hold views of the chunks given, which must not be changed
 * while tokens of them are in use; the reader itself keeps copies where an element lies across chunks.
 */
export interface ElementReader {
  /**
   * Takes the next bytes and gives the tokens they complete. The tokens must be read to the last one before the next
   * call. Reading them throws `DicomError`: `MALFORMED` for bytes that are no data set, `TOO_LARGE` beyond a limit.
   */
  push(chunk: Uint8Array): IterableIterator<Token>;
  /** Says that no bytes are left, and gives the last tokens. Reading them throws `TRUNCATED` inside of an element. */
  end(): IterableIterator<Token>;
}

/** Makes a reader for one data set: without preamble and file meta information, in its transfer syntax. */
export function createElementReader(_options: ElementReaderOptions): ElementReader {
  throw new DicomError('NOT_IMPLEMENTED', 'The element reader is being written.');
}

/** The tokens of a data set that arrives in chunks; ends the source's iteration when it is left early. */
export async function* readTokens(
  chunks: AsyncIterable<Uint8Array>,
  options: ElementReaderOptions,
): AsyncGenerator<Token, void, undefined> {
  const reader = createElementReader(options);
  for await (const chunk of chunks) yield* reader.push(chunk);
  yield* reader.end();
}
