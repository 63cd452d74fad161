import {
  createElementReader,
  type ElementEncoding,
  encodeElement,
  encodeElementHeader,
  encodeItemDelimiter,
  encodeItemHeader,
  encodeSequenceDelimiter,
  type Tag,
  Tags,
  TransferSyntax,
  tagToHex,
  transferSyntaxOrDefault,
  type Vr,
} from '@adit/core';
import { concatenated } from '../dataset/stamps.ts';
import { latin1Bytes, latin1Text } from '../identifiers/text.ts';
import { createPseudonymizer, type PseudonymizerOptions } from '../pseudonymizer.ts';
import type { PseudonymizationReport } from '../report.ts';

/** An element of a data set made for a test. */
export interface Part {
  tag: Tag;
  encode(encoding: ElementEncoding): Uint8Array;
}

/** An element; a text is written a byte for each of its characters. */
export function el(tag: Tag, vr: Vr, value: string | Uint8Array = ''): Part {
  const bytes = typeof value === 'string' ? latin1Bytes(value) : value;
  return { tag, encode: (encoding) => encodeElement(tag, vr, bytes, encoding) };
}

/** A sequence; with `undefinedLength`, it and its items end with delimiters. */
export function sq(tag: Tag, items: readonly Part[][], options: { undefinedLength?: boolean } = {}): Part {
  return {
    tag,
    encode(encoding) {
      const content = concatenated(items.map((item) => encodeItem(item, encoding, options.undefinedLength)));
      if (!options.undefinedLength) return encodeElement(tag, 'SQ', content, encoding);
      const header = encodeElementHeader(tag, 'SQ', undefined, encoding);
      return concatenated([header, content, encodeSequenceDelimiter(encoding)]);
    },
  };
}

/** A sequence whoever wrote it did not know: VR UN, items in implicit VR little endian (PS3.5 §6.2.2). */
export function unSq(tag: Tag, items: readonly Part[][], options: { undefinedLength?: boolean } = {}): Part {
  const implicit = { explicitVr: false, littleEndian: true };
  return {
    tag,
    encode(encoding) {
      const content = concatenated(items.map((item) => encodeItem(item, implicit, options.undefinedLength)));
      if (!options.undefinedLength) return encodeElement(tag, 'UN', content, encoding);
      const header = encodeElementHeader(tag, 'UN', undefined, encoding);
      return concatenated([header, content, encodeSequenceDelimiter(implicit)]);
    },
  };
}

/** Bytes that stand in the data set as they are, after the elements before `tag`. */
export function raw(tag: Tag, bytes: Uint8Array): Part {
  return { tag, encode: () => bytes };
}

function encodeItem(parts: readonly Part[], encoding: ElementEncoding, undefinedLength = false): Uint8Array {
  const content = concatenated(parts.map((part) => part.encode(encoding)));
  if (!undefinedLength) return concatenated([encodeItemHeader(content.length, encoding), content]);
  return concatenated([encodeItemHeader(undefined, encoding), content, encodeItemDelimiter(encoding)]);
}

function encodingOf(transferSyntaxUid: string): ElementEncoding {
  const { explicitVr, littleEndian } = transferSyntaxOrDefault(transferSyntaxUid);
  return { explicitVr, littleEndian };
}

/** A private SOP class, so that the Type of no attribute is known. */
export const testSopClassUid = '1.3.12.2.1107.5.9.1';
export const testSopInstanceUid = '1.2.3.4.5.6.7.8.9';

/** A data set of these elements and of what every one has, ascending. */
export function datasetOf(parts: readonly Part[], transferSyntaxUid: string): Uint8Array {
  const all = [
    el(Tags.SOPClassUID, 'UI', testSopClassUid),
    el(Tags.SOPInstanceUID, 'UI', testSopInstanceUid),
    ...parts,
  ];
  // The last one of a tag counts, so that a test may say its own SOP Instance UID.
  const sorted = [...new Map(all.map((part) => [part.tag, part])).values()].sort((a, b) => a.tag - b.tag);
  return concatenated(sorted.map((part) => part.encode(encodingOf(transferSyntaxUid))));
}

/** An element that was read. */
export interface ReadElement {
  tag: Tag;
  vr: Vr;
  /** A character for every byte, without padding; empty for sequences and fragments. */
  text: string;
  bytes: Uint8Array;
  /** Of a sequence. */
  items: ReadDataset[] | undefined;
  /** Of a sequence: had it a length? */
  definedLength: boolean;
}

/** A data set or an item that was read, by tag. */
export class ReadDataset {
  readonly elements: ReadElement[] = [];

  get(tag: Tag): ReadElement | undefined {
    return this.elements.find((element) => element.tag === tag);
  }

  text(tag: Tag): string | undefined {
    return this.get(tag)?.text;
  }

  items(tag: Tag): ReadDataset[] {
    return this.get(tag)?.items ?? [];
  }

  /** Tags in hexadecimal, in the order of the bytes. */
  get tags(): string[] {
    return this.elements.map(({ tag }) => tagToHex(tag));
  }

  /** All elements, at all depths. */
  *all(): Generator<ReadElement> {
    for (const element of this.elements) {
      yield element;
      for (const item of element.items ?? []) yield* item.all();
    }
  }
}

/** Reads a data set into memory. */
export function readDataset(bytes: Uint8Array, transferSyntaxUid: string): ReadDataset {
  const reader = createElementReader({ transferSyntaxUid });
  const dataset = new ReadDataset();
  const open: ReadDataset[] = [dataset];
  const sequences: ReadElement[] = [];
  let bulk: Uint8Array[] = [];
  for (const token of [...reader.push(bytes), ...reader.end()]) {
    switch (token.kind) {
      case 'element':
        open.at(-1)!.elements.push(readElement(token.tag, token.vr, token.value));
        break;
      case 'sequence-start': {
        const element = readElement(token.tag, token.vr, new Uint8Array(0));
        element.items = [];
        element.definedLength = token.length !== undefined;
        open.at(-1)!.elements.push(element);
        sequences.push(element);
        break;
      }
      case 'item-start': {
        const item = new ReadDataset();
        sequences.at(-1)!.items!.push(item);
        open.push(item);
        break;
      }
      case 'item-end':
        open.pop();
        break;
      case 'sequence-end':
        sequences.pop();
        break;
      case 'bulk-start':
      case 'fragments-start':
        bulk = [];
        open.at(-1)!.elements.push(readElement(token.tag, token.vr, new Uint8Array(0)));
        break;
      case 'bulk-chunk':
        bulk.push(token.bytes);
        break;
      case 'bulk-end':
      case 'fragments-end': {
        const element = open.at(-1)!.elements.at(-1)!;
        element.bytes = concatenated(bulk);
        element.text = token.kind === 'bulk-end' ? latin1Text(element.bytes) : '';
      }
    }
  }
  return dataset;
}

function readElement(tag: Tag, vr: Vr, value: Uint8Array): ReadElement {
  const text = latin1Text(value).replace(/[\0 ]+$/, '');
  return { tag, vr, text, bytes: value, items: undefined, definedLength: true };
}

export const testKey = new Uint8Array(32).fill(7);
export const testPseudonym = 'Pseudonym 1';

export interface PseudonymizeOptions extends Partial<PseudonymizerOptions> {
  transferSyntaxUid?: string;
  sopClassUid?: string;
  sopInstanceUid?: string;
  /** Default: all bytes at once. */
  chunkSize?: number;
}

export interface Pseudonymized {
  bytes: Uint8Array;
  /** `bytes`, read. */
  readonly dataset: ReadDataset;
  report: Readonly<PseudonymizationReport>;
}

/** De-identifies a data set that is in memory. */
export async function pseudonymize(
  bytes: Uint8Array,
  options: PseudonymizeOptions = {},
): Promise<Pseudonymized> {
  const { transferSyntaxUid = TransferSyntax.ExplicitVrLittleEndian, chunkSize = bytes.length || 1 } =
    options;
  const pseudonymizer = createPseudonymizer({ key: testKey, pseudonym: testPseudonym, ...options });
  const instance = pseudonymizer.transform({
    sopClassUid: options.sopClassUid ?? testSopClassUid,
    sopInstanceUid: options.sopInstanceUid ?? testSopInstanceUid,
    transferSyntaxUid,
    dataset: chunksOf(bytes, chunkSize),
  });
  const result = await collect(instance.dataset);
  let dataset: ReadDataset | undefined;
  return {
    bytes: result,
    get dataset() {
      dataset ??= readDataset(result, transferSyntaxUid);
      return dataset;
    },
    report: instance.report,
  };
}

/** De-identifies a data set of these elements. */
export function pseudonymizeParts(
  parts: readonly Part[],
  options: PseudonymizeOptions = {},
): Promise<Pseudonymized> {
  const { transferSyntaxUid = TransferSyntax.ExplicitVrLittleEndian } = options;
  return pseudonymize(datasetOf(parts, transferSyntaxUid), options);
}

export async function* chunksOf(
  bytes: Uint8Array,
  size: number,
): AsyncGenerator<Uint8Array, void, undefined> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

export async function collect(chunks: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  for await (const chunk of chunks) parts.push(chunk);
  return concatenated(parts);
}
