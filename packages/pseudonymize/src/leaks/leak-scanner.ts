import {
  type BulkStartToken,
  type ElementToken,
  type FragmentsStartToken,
  formatTag,
  isPrivate,
  type Tag,
  Tags,
  type Token,
  tagGroup,
  type Vr,
  vrForm,
} from '@adit/core';
import { CharacterSets } from '../dataset/character-sets.ts';
import type { IdentifierKind } from '../identifiers/identifier.ts';
import type { SearchedKind } from '../identifiers/patient-identifiers.ts';
import { latin1Text, textOfValue, trimmed } from '../identifiers/text.ts';
import { countsIn, type LeakSearch, type Place } from './leak-search.ts';

/** An identifier that was found. Says where, never what. */
export interface Leak {
  /** Which of the identifiers given, 0 for the first. */
  identifier: number;
  kind: IdentifierKind;
  /**
   * How it is written: a defined term of (0008,0005), `ASCII`, `UTF-16`, `hex`, `base64`, `percent` or `json`; `text` for what shows only in the decoded text: in another case or order, with or without marks.
   */
  encoding: string;
  /** Where it begins in bytes; in `text`, where the value does. Within the inflated data set, if it is deflated. */
  offset: number;
  /** `(0010,0010)`, `(0040,A730)[0].(0040,A160)`; undefined outside of elements. */
  path?: string;
}

/** An element, as `ScanOptions.skip` sees it. */
export interface ScannedElement {
  tag: Tag;
  vr: Vr;
}

export interface ScanOptions {
  /**
   * Whether identifiers of eight characters or more are looked for in pixel data too, where they can be in hidden text, at
   * some hundred MB/s. Default: `search`
   */
  pixelData?: 'search' | 'skip';
  /** Elements in which nothing counts, for they are kept on purpose. Default: none. */
  skip?: (element: ScannedElement) => boolean;
  /** Most leaks to tell. Default: 1000. */
  maxLeaks?: number;
}

/** Values are collected up to this many bytes before they are searched together. */
const blockSize = 64 * 1024;

/** Between the values of a block, so that nothing is found that lies in two of them. */
const gap = 4;

/** Bytes before and after a pattern that decide whether it is a part of something else. */
const context = 32;

/** Longest piece of a text that is decoded at once, and how much of it is decoded with the next one again. */
const textPiece = 16 * 1024;
const textOverlap = 256;

/** A value in the block. */
interface Span {
  start: number;
  end: number;
  /** Of the value, in what is scanned. */
  offset: number;
  tag: Tag;
  place: Place;
  /** What its sequence and item are called. */
  parent: string;
  /** Identifiers found in its decoded text. */
  inText: readonly number[];
}

/** The long value that is open. */
interface Bulk {
  tag: Tag;
  place: Place;
  parent: string;
  kind: SearchedKind | undefined;
  vr: Vr;
  /** The last bytes of it, and where they begin. */
  tail: Uint8Array;
  tailOffset: number;
  /** Which identifiers were found in it. */
  found: Set<number>;
}

/** Searches the tokens of one data set, in memory that does not depend on its size. */
export class LeakScanner {
  readonly leaks: Leak[] = [];
  readonly #search: LeakSearch;
  readonly #options: ScanOptions;
  readonly #maxLeaks: number;
  readonly #characterSets = new CharacterSets();
  /** Sequences that are open, and what the item in them is called. */
  readonly #parents: string[] = [''];
  readonly #sequences: string[] = [];
  #block = new Uint8Array(0);
  #filled = 0;
  #spans: Span[] = [];
  #bulk: Bulk | undefined;
  #offset: number;

  /** @param offset of the first token in what is scanned */
  constructor(search: LeakSearch, options: ScanOptions = {}, offset = 0) {
    this.#search = search;
    this.#options = options;
    this.#maxLeaks = options.maxLeaks ?? 1000;
    this.#offset = offset;
  }

  take(token: Token): void {
    const { kind, depth } = token;
    switch (kind) {
      case 'element':
        this.#takeElement(token);
        break;
      case 'sequence-start':
        this.#sequences[depth] = this.#pathOf(token.tag, depth);
        break;
      case 'item-start':
        this.#characterSets.enterItem(depth);
        this.#parents[depth] = `${this.#sequences[depth - 1]}[${token.index}].`;
        break;
      case 'bulk-start':
      case 'fragments-start':
        this.#openBulk(token);
        break;
      case 'bulk-chunk':
        this.#takeBulk(token.bytes);
        this.#offset += token.bytes.length;
        return;
      case 'fragment-end':
        this.#endValue();
        break;
      case 'bulk-end':
      case 'fragments-end':
        this.#endValue();
        this.#bulk = undefined;
    }
    this.#offset += token.bytes.length;
  }

  /** No token is left. */
  end(): void {
    this.#flush();
    this.#endValue();
    this.#bulk = undefined;
  }

  /** Searches bytes that are no elements: a preamble, what cannot be read. They end with `end`. */
  takePlain(bytes: Uint8Array, place: Place = 'text'): void {
    if (this.#bulk === undefined) {
      this.#flush();
      this.#bulk = this.#newBulk(0, 'UN', place, undefined);
    }
    this.#takeBulk(bytes);
    this.#offset += bytes.length;
  }

  #pathOf(tag: Tag, depth: number): string {
    return this.#parents[depth] + formatTag(tag);
  }

  #takeElement(token: ElementToken): void {
    const { tag, vr, depth, value, bytes } = token;
    if (tag === Tags.SpecificCharacterSet) this.#characterSets.set(depth, value);
    if (value.length < 2 || this.#options.skip?.(token)) return;
    if (value.length + gap > this.#block.length - this.#filled) {
      this.#flush();
      const size = Math.max(blockSize, value.length + gap);
      if (this.#block.length < size) this.#block = new Uint8Array(size);
    }
    const start = this.#filled;
    this.#block.set(value, start);
    this.#block.fill(0, start + value.length, start + value.length + gap);
    this.#filled += value.length + gap;
    this.#spans.push({
      start,
      end: start + value.length,
      offset: this.#offset + bytes.length - value.length,
      tag,
      place: placeOf(tag, vr),
      parent: this.#parents[depth]!,
      inText: this.#inText(value, vr, depth),
    });
  }

  #inText(value: Uint8Array, vr: Vr, depth: number): readonly number[] {
    if (vr === 'DS' || vr === 'IS') {
      if (value.length < 6) return [];
      return latin1Text(value)
        .split('\\')
        .flatMap((number) => this.#search.isNumber(trimmed(number)));
    }
    const kind = textKindOf(vr);
    if (kind === undefined) return [];
    return this.#search.inText(textOfValue(value, vr, this.#characterSets.at(depth)), kind);
  }

  /** Searches the block. */
  #flush(): void {
    if (this.#spans.length === 0) return;
    const spans = this.#spans;
    const found = spans.map((): Set<number> | undefined => undefined);
    this.#search.inBytes(this.#block, 0, this.#filled, false, ({ pattern, start }) => {
      const at = spanAt(spans, start);
      const span = spans[at];
      if (span === undefined || start + pattern.bytes.length > span.end) return;
      if (!countsIn(span.place, pattern) || found[at]?.has(pattern.identifier)) return;
      found[at] ??= new Set();
      found[at].add(pattern.identifier);
      const path = span.parent + formatTag(span.tag);
      this.#tell(pattern.identifier, pattern.encoding, span.offset + start - span.start, path);
    });
    spans.forEach(({ inText, offset, parent, tag }, at) => {
      for (const identifier of inText) {
        if (!found[at]?.has(identifier)) this.#tell(identifier, 'text', offset, parent + formatTag(tag));
      }
    });
    this.#spans = [];
    this.#filled = 0;
  }

  #tell(identifier: number, encoding: string, offset: number, path: string | undefined): void {
    if (this.leaks.length >= this.#maxLeaks) return;
    const { kind } = this.#search.identifiers[identifier]!;
    this.leaks.push({ identifier, kind, encoding, offset, ...(path === undefined ? {} : { path }) });
  }

  // Long values

  #openBulk(token: BulkStartToken | FragmentsStartToken): void {
    this.#flush();
    const { tag, vr, depth } = token;
    const place = placeOf(tag, vr);
    if (this.#options.skip?.(token) || (place === 'numbers' && this.#options.pixelData === 'skip')) return;
    this.#bulk = this.#newBulk(tag, vr, place, this.#parents[depth]!);
  }

  #newBulk(tag: Tag, vr: Vr, place: Place, parent: string | undefined): Bulk {
    return {
      tag,
      place,
      parent: parent ?? '',
      vr,
      kind: place === 'numbers' ? undefined : (textKindOf(vr) ?? 'bytes'),
      tail: new Uint8Array(0),
      tailOffset: this.#offset,
      found: new Set(),
    };
  }

  #takeBulk(bytes: Uint8Array): void {
    const bulk = this.#bulk;
    if (bulk === undefined || bytes.length === 0) return;
    if (bulk.tail.length === 0) bulk.tailOffset = this.#offset;
    const joined = new Uint8Array(bulk.tail.length + bytes.length);
    joined.set(bulk.tail);
    joined.set(bytes, bulk.tail.length);
    // What ends within `context` of the end is looked for when it is known what follows.
    this.#searchBulk(bulk, joined, joined.length - context);
    const kept = Math.min(joined.length, this.#search.longest + 2 * context, 16 * 1024);
    bulk.tailOffset += joined.length - kept;
    // A copy: the chunk must not be held by its end.
    bulk.tail = joined.slice(joined.length - kept);
  }

  /** What is left of a long value or a fragment. */
  #endValue(): void {
    const bulk = this.#bulk;
    if (bulk === undefined || bulk.tail.length === 0) return;
    this.#searchBulk(bulk, bulk.tail, bulk.tail.length);
    bulk.tail = new Uint8Array(0);
  }

  #searchBulk(bulk: Bulk, bytes: Uint8Array, to: number): void {
    const { place, found, tailOffset } = bulk;
    const path = bulk.tag === 0 ? undefined : bulk.parent + formatTag(bulk.tag);
    const add = (identifier: number, encoding: string, start: number) => {
      if (found.has(identifier)) return;
      found.add(identifier);
      this.#tell(identifier, encoding, tailOffset + start, path);
    };
    this.#search.inBytes(bytes, 0, Math.max(0, to), place === 'numbers', ({ pattern, start }) => {
      if (countsIn(place, pattern)) add(pattern.identifier, pattern.encoding, start);
    });
    const { kind } = bulk;
    if (kind === undefined) return;
    for (let at = 0; at < to; at += textPiece - textOverlap) {
      const piece = bytes.subarray(at, Math.min(at + textPiece, to));
      const text = textOfValue(piece, bulk.vr, this.#characterSets.at(0));
      for (const identifier of this.#search.inText(text, kind)) add(identifier, 'text', at);
    }
  }
}

/** What may be found by chance in a value. */
function placeOf(tag: Tag, vr: Vr): Place {
  switch (vr) {
    case 'CS':
    case 'IS':
    case 'DS':
    case 'UI':
    case 'DA':
    case 'TM':
    case 'DT':
    case 'AS':
      return 'code';
    case 'OB':
    case 'UN':
      // Headers of makers and documents are in there; pixels mean pixels.
      return tagGroup(tag) === 0x7fe0 ? 'numbers' : 'text';
  }
  if (vrForm(vr) === 'text') return 'text';
  // Who knows what a maker calls words.
  return vr === 'OW' && isPrivate(tag) ? 'text' : 'numbers';
}

/** How a decoded text is searched; undefined for what has none, or has been searched by its bytes alone. */
function textKindOf(vr: Vr): SearchedKind | undefined {
  switch (vr) {
    case 'CS':
      return 'code';
    case 'OB':
    case 'UN':
      return 'bytes';
    case 'UI':
    case 'DA':
    case 'TM':
    case 'DT':
    case 'AS':
    case 'DS':
    case 'IS':
      return undefined;
    default:
      return vrForm(vr) === 'text' ? 'text' : undefined;
  }
}

/** The last span that begins at or before a place; -1 where there is none. */
function spanAt(spans: readonly Span[], start: number): number {
  let low = 0;
  let high = spans.length - 1;
  while (low <= high) {
    const middle = (low + high) >> 1;
    if (spans[middle]!.start <= start) low = middle + 1;
    else high = middle - 1;
  }
  return high;
}
