import { type DicomInstance, parseTag, readTokens, type Token, transferSyntaxOrDefault } from '@adit/core';
import { newBoundary, writeMultipart } from '../multipart/write-multipart.ts';
import { includesType, parseAccept } from './accept.ts';
import type { RequestContext } from './context.ts';
import { HttpProblem } from './http-problem.ts';
import type { DicomWebOperation } from './operation.ts';
import { mediaTypeOfFrames } from './read-frames.ts';
import { Instances } from './retrieve.ts';
import { streamOf } from './stream-response.ts';

const TYPE = 'application/octet-stream';

/**
 * Answers with the value of one element (PS3.18 §10.4.1.1.5), as it is stored and while it is read. Of encapsulated pixel
 * data it is one part a fragment.
 */
export async function bulkData(
  context: RequestContext,
  operation: DicomWebOperation & { kind: 'bulkdata' },
): Promise<Response> {
  const { request, url } = context;
  const ranges = parseAccept(url.searchParams.get('accept') ?? request.headers.get('accept'));
  const instances = new Instances(context, operation);
  const instance = await instances.first();
  const values = valuesAt(instance, operation.path);
  try {
    const first = await values.next();
    if (first.done) throw new HttpProblem(404, 'The instance has no such value.');
    const { fragment } = first.value;
    const type = fragment
      ? `${mediaTypeOfFrames(instance.transferSyntaxUid)}; transfer-syntax=${instance.transferSyntaxUid}`
      : TYPE;
    const related = type.split(';')[0]!;
    const rest = closing(withFirst(first.value, values), instances);
    if (!fragment && ranges.some((range) => range.type === TYPE)) {
      return new Response(streamOf(joined(rest), context), { headers: { 'content-type': type } });
    }
    if (!ranges.some((range) => includesType(range, 'multipart/related', related))) {
      throw new HttpProblem(406, `The value is available as multipart/related; type="${related}".`);
    }
    const boundary = newBoundary();
    const message = writeMultipart(parts(rest, type), boundary);
    return new Response(streamOf(message, context), {
      headers: { 'content-type': `multipart/related; type="${related}"; boundary=${boundary}` },
    });
  } catch (error) {
    await values.return();
    await instances.leave();
    throw error;
  }
}

/** A value, or one fragment of encapsulated pixel data. */
interface Value {
  fragment: boolean;
  bytes: AsyncIterable<Uint8Array>;
}

/** Reads up to the element that a path of tags and item numbers leads to. */
async function* valuesAt(
  instance: DicomInstance,
  path: readonly string[],
): AsyncGenerator<Value, void, undefined> {
  const { transferSyntaxUid } = instance;
  const big = !transferSyntaxOrDefault(transferSyntaxUid).littleEndian;
  const tokens = readTokens(instance.dataset, { transferSyntaxUid });
  const wanted = path.map((part, i) => (i % 2 === 0 ? parseTag(part)! : Number(part)));
  /** Tags of open sequences and indexes of their open items. */
  const open: number[] = [];
  try {
    for (let next = await tokens.next(); !next.done; next = await tokens.next()) {
      const token = next.value;
      if (token.kind === 'sequence-start') open.push(token.tag);
      else if (token.kind === 'item-start') open.push(token.index);
      else if (token.kind === 'sequence-end' || token.kind === 'item-end') open.pop();
      else if (token.kind === 'element' || token.kind === 'bulk-start' || token.kind === 'fragments-start') {
        const here = [...open, token.tag];
        if (here.length !== wanted.length || here.some((part, i) => part !== wanted[i])) {
          // Tags ascend: what has not come by now will not.
          if (token.depth === 0 && token.tag > wanted[0]!) return;
          continue;
        }
        if (big)
          throw new HttpProblem(406, 'The values of the instance are big endian: retrieve the instance.');
        if (token.kind === 'element') yield { fragment: false, bytes: once(token.value) };
        else if (token.kind === 'bulk-start') yield { fragment: false, bytes: chunks(tokens, 'bulk-end') };
        else yield* fragments(tokens);
        return;
      }
    }
  } finally {
    await tokens.return();
  }
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array, void, undefined> {
  yield bytes;
}

async function* chunks(
  tokens: AsyncGenerator<Token>,
  end: Token['kind'],
): AsyncGenerator<Uint8Array, void, undefined> {
  for (;;) {
    const next = await tokens.next();
    if (next.done || next.value.kind === end) return;
    yield next.value.bytes;
  }
}

async function* fragments(tokens: AsyncGenerator<Token>): AsyncGenerator<Value, void, undefined> {
  for (;;) {
    const next = await tokens.next();
    if (next.done || next.value.kind !== 'fragment-start') return;
    const bytes = chunks(tokens, 'fragment-end');
    // The first is the offset table, which is no part of the pixels.
    if (next.value.index > 0) yield { fragment: true, bytes };
    for await (const _ of bytes);
  }
}

async function* withFirst(
  first: Value,
  others: AsyncGenerator<Value>,
): AsyncGenerator<Value, void, undefined> {
  yield first;
  yield* others;
}

async function* closing(
  values: AsyncGenerator<Value>,
  instances: Instances,
): AsyncGenerator<Value, void, undefined> {
  try {
    yield* values;
  } finally {
    await instances.leave();
  }
}

async function* joined(values: AsyncIterable<Value>): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const { bytes } of values) yield* bytes;
}

async function* parts(values: AsyncIterable<Value>, type: string) {
  for await (const { bytes } of values) yield { headers: { 'Content-Type': type }, body: bytes };
}
