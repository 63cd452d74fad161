import fc from 'fast-check';
import { concatBytes } from '../bytes.ts';
import {
  createElementReader,
  type ElementEncoding,
  type ElementReaderOptions,
  type Token,
} from '../element-reader.ts';
import {
  encodeElement,
  encodeElementHeader,
  encodeItemDelimiter,
  encodeItemHeader,
  encodeSequenceDelimiter,
} from '../element-writer.ts';
import { formatTag, type Tag } from '../tag.ts';
import { allVrs, type Vr, vrForm, vrUnit } from '../vr.ts';

/** Bytes written down in a test: hexadecimal digits in groups, and text between double quotes. */
export function bytesOf(text: string): Uint8Array {
  const bytes: number[] = [];
  for (const [, quoted, digits] of text.matchAll(/"([^"]*)"|([\da-fA-F]+)/g)) {
    if (quoted !== undefined) for (const character of quoted) bytes.push(character.charCodeAt(0));
    else
      for (let at = 0; at < digits!.length; at += 2)
        bytes.push(Number.parseInt(digits!.slice(at, at + 2), 16));
  }
  return Uint8Array.from(bytes);
}

/** The tokens of a data set given in these chunks. */
export function readAll(chunks: readonly Uint8Array[], options: ElementReaderOptions): Token[] {
  const reader = createElementReader(options);
  const tokens: Token[] = [];
  for (const chunk of chunks) for (const token of reader.push(chunk)) tokens.push(token);
  for (const token of reader.end()) tokens.push(token);
  return tokens;
}

/** A token as one line; bulk chunks that follow one another, which depend on the chunks read, as one. */
export function describeTokens(tokens: readonly Token[]): string[] {
  const lines: string[] = [];
  let bulk: Uint8Array[] = [];
  function flush() {
    if (bulk.length > 0) lines.push(`  bulk ${digestOf(concatBytes(bulk))}`);
    bulk = [];
  }
  for (const token of tokens) {
    if (token.kind === 'bulk-chunk') {
      bulk.push(token.bytes);
      continue;
    }
    flush();
    const { explicitVr, littleEndian } = token.encoding;
    const parts = [`${token.depth} ${token.kind}`];
    if ('tag' in token && 'value' in token && token.kind === 'element') {
      parts.push(formatTag(token.tag), token.vr, `value ${digestOf(token.value)}`);
    } else if (token.kind === 'sequence-start' || token.kind === 'bulk-start') {
      parts.push(formatTag(token.tag), token.vr, `length ${token.length}`);
    } else if (token.kind === 'fragments-start') {
      parts.push(formatTag(token.tag), token.vr);
    } else if (token.kind === 'item-start' || token.kind === 'fragment-start') {
      parts.push(`#${token.index}`, `length ${token.length}`);
    }
    lines.push(
      `${parts.join(' ')} ${explicitVr ? 'e' : 'i'}${littleEndian ? 'l' : 'b'} ${hexOf(token.bytes)}`,
    );
  }
  flush();
  return lines;
}

/** Few bytes themselves, of many their number and a checksum. */
function digestOf(bytes: Uint8Array): string {
  if (bytes.length <= 64) return hexOf(bytes);
  let sum = 0;
  for (const byte of bytes) sum = (Math.imul(sum, 31) + byte) | 0;
  return `of ${bytes.length} bytes, ${sum}`;
}

export function hexOf(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** Something to make a data set of. */
export type Node =
  | { kind: 'element'; tag: Tag; vr: Vr; value: Uint8Array }
  | {
      kind: 'sequence';
      tag: Tag;
      vr: 'SQ' | 'UN';
      definedLength: boolean;
      items: { definedLength: boolean; nodes: Node[] }[];
    }
  | { kind: 'fragments'; fragments: Uint8Array[] };

/** Encodes nodes by the element writer. */
export function encodeNodes(nodes: readonly Node[], encoding: ElementEncoding): Uint8Array {
  return concatBytes(nodes.map((node) => encodeNode(node, encoding)));
}

function encodeNode(node: Node, encoding: ElementEncoding): Uint8Array {
  if (node.kind === 'element') return encodeElement(node.tag, node.vr, node.value, encoding);
  if (node.kind === 'fragments') {
    const parts = [encodeElementHeader(0x7fe00010, 'OB', undefined, encoding)];
    for (const fragment of node.fragments) parts.push(encodeItemHeader(fragment.length, encoding), fragment);
    return concatBytes([...parts, encodeSequenceDelimiter(encoding)]);
  }
  // What is hidden in UN is implicit VR little endian.
  const inside = node.vr === 'UN' ? { explicitVr: false, littleEndian: true } : encoding;
  const items = node.items.flatMap((item) => {
    const content = encodeNodes(item.nodes, inside);
    return item.definedLength
      ? [encodeItemHeader(content.length, inside), content]
      : [encodeItemHeader(undefined, inside), content, encodeItemDelimiter(inside)];
  });
  const content = concatBytes(items);
  return node.definedLength
    ? concatBytes([encodeElementHeader(node.tag, node.vr, content.length, encoding), content])
    : concatBytes([
        encodeElementHeader(node.tag, node.vr, undefined, encoding),
        content,
        encodeSequenceDelimiter(inside),
      ]);
}

const tags = fc
  .tuple(fc.integer({ min: 8, max: 0x7fdf }), fc.integer({ min: 1, max: 0xffff }))
  .map(([group, element]) => group * 0x10000 + element);

const elementNode: fc.Arbitrary<Node> = fc
  .tuple(
    tags,
    fc.constantFrom(...allVrs.filter((vr) => vrForm(vr) !== 'sequence')),
    fc.integer({ min: 0, max: 5 }),
  )
  .chain(([tag, vr, units]) =>
    fc
      .uint8Array({ minLength: units * Math.max(2, vrUnit(vr)), maxLength: units * Math.max(2, vrUnit(vr)) })
      .map((value) => ({ kind: 'element' as const, tag, vr, value })),
  );

/** Data sets of a few elements, with sequences in sequences of defined and undefined lengths. */
export const nodes: fc.Arbitrary<Node[]> = fc.letrec<{ node: Node; nodes: Node[] }>((tie) => ({
  node: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    elementNode,
    fc.record({
      kind: fc.constant('sequence' as const),
      // Private, so that no dictionary says that it is something else.
      tag: tags.map((tag) => (tag | 0x10000) >>> 0),
      vr: fc.constant('SQ' as const),
      definedLength: fc.boolean(),
      items: fc.array(fc.record({ definedLength: fc.boolean(), nodes: tie('nodes') }), { maxLength: 3 }),
    }),
    fc.record({
      kind: fc.constant('sequence' as const),
      tag: tags.map((tag) => (tag | 0x10000) >>> 0),
      vr: fc.constant('UN' as const),
      definedLength: fc.constant(false),
      items: fc.array(fc.record({ definedLength: fc.boolean(), nodes: tie('nodes') }), { maxLength: 2 }),
    }),
  ),
  nodes: fc.array(tie('node'), { maxLength: 4 }),
})).nodes;

/** The bytes in chunks of a size, as they would arrive. */
export async function* chunksOf(
  bytes: Uint8Array,
  size: number,
): AsyncGenerator<Uint8Array, void, undefined> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

export async function collect(chunks: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  for await (const chunk of chunks) parts.push(chunk);
  return concatBytes(parts);
}

/** An iteration of which a test can see how far it was read, and whether it was ended. */
export interface WatchedChunks extends AsyncIterable<Uint8Array> {
  /** Bytes given so far. */
  readonly read: number;
  /** False once it has been read to the end or left. */
  readonly open: boolean;
}

export function watch(chunks: AsyncIterable<Uint8Array>): WatchedChunks {
  let read = 0;
  let open = true;
  return {
    get read() {
      return read;
    },
    get open() {
      return open;
    },
    [Symbol.asyncIterator]() {
      const iterator = chunks[Symbol.asyncIterator]();
      return {
        async next() {
          const result = await iterator.next();
          if (result.done === true) open = false;
          else read += result.value.length;
          return result;
        },
        async return(value) {
          open = false;
          await iterator.return?.();
          return { done: true, value };
        },
      };
    },
  };
}
