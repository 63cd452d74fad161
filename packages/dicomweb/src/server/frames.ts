import { type DicomInstance, TransferSyntax, transferSyntaxOrDefault } from '@adit/core';
import { newBoundary, type OutgoingPart, writeMultipart } from '../multipart/write-multipart.ts';
import { type InstanceUids, pathOf } from '../wado/resource.ts';
import { includesType, type MediaRange, parseAccept, transferSyntaxesOf } from './accept.ts';
import type { RequestContext } from './context.ts';
import { HttpProblem } from './http-problem.ts';
import type { DicomWebOperation } from './operation.ts';
import { type Frame, mediaTypeOfFrames, readFrames } from './read-frames.ts';
import { Instances } from './retrieve.ts';
import { streamOf } from './stream-response.ts';

/** Times an instance is read for frames that are not asked for in ascending order. */
const MAX_PASSES = 16;

/** Answers with frames as they are stored (PS3.18 §10.4.1.1.6), as they are read. */
export async function frames(
  context: RequestContext,
  operation: DicomWebOperation & { kind: 'frames' },
): Promise<Response> {
  const { request, url } = context;
  const passes = ascendingRuns(operation.frames);
  if (passes.length > MAX_PASSES) throw new HttpProblem(400, 'Ask for frames in ascending order.');

  const instances = new Instances(context, operation);
  const instance = await instances.first();
  const frames = readPasses(instance, instances, context, operation, passes);
  try {
    const ranges = parseAccept(url.searchParams.get('accept') ?? request.headers.get('accept'));
    const form = formOf(ranges, instance.transferSyntaxUid, operation.frames.length);
    const first = await frames.next();
    if (first.done) throw new HttpProblem(404, 'The instance has no such frame.');
    const location = `${context.root}${pathOf(operation as InstanceUids).path}/frames/`;
    const all = withFirst(first.value, frames);
    if (!form.multipart) {
      const { value } = await all.next();
      return new Response(streamOf(alone((value as Frame).bytes, frames), context), {
        headers: { 'content-type': form.type },
      });
    }
    const boundary = newBoundary();
    const message = writeMultipart(parts(all, form.type, location), boundary);
    const related = form.type.split(';')[0];
    return new Response(streamOf(message, context), {
      headers: { 'content-type': `multipart/related; type="${related}"; boundary=${boundary}` },
    });
  } catch (error) {
    await frames.return();
    await instances.leave();
    throw error;
  }
}

/** How frames are sent: as the client wants them, in the transfer syntax they are stored in. */
function formOf(
  ranges: readonly MediaRange[],
  transferSyntaxUid: string,
  count: number,
): { multipart: boolean; type: string } {
  const { encapsulated } = transferSyntaxOrDefault(transferSyntaxUid);
  const stored = encapsulated ? transferSyntaxUid : TransferSyntax.ExplicitVrLittleEndian;
  const own = mediaTypeOfFrames(transferSyntaxUid);
  // What octet-stream means is uncompressed, unless any transfer syntax will do (PS3.18 §8.7.3.3.2).
  const types = own === 'application/octet-stream' ? [own] : [own, 'application/octet-stream'];
  for (const type of types) {
    const fits = (range: MediaRange) => {
      const syntaxes = transferSyntaxesOf([range]);
      if (type !== own)
        return range.parameters.get('transfer-syntax') === '*' || syntaxes?.has(stored) === true;
      return syntaxes === undefined || syntaxes.has(stored);
    };
    const sent = `${type}; transfer-syntax=${stored}`;
    if (ranges.some((range) => includesType(range, 'multipart/related', type) && fits(range))) {
      return { multipart: true, type: sent };
    }
    if (count === 1 && ranges.some((range) => range.type === type && fits(range)))
      return { multipart: false, type: sent };
  }
  throw new HttpProblem(
    406,
    `The frames are stored as ${transferSyntaxUid} and available as multipart/related; type="${own}".`,
  );
}

function ascendingRuns(numbers: readonly number[]): number[][] {
  const runs: number[][] = [];
  let last = Number.POSITIVE_INFINITY;
  for (const number of numbers) {
    if (number < last) runs.push([]);
    runs.at(-1)!.push(number);
    last = number;
  }
  return runs;
}

async function* readPasses(
  instance: DicomInstance,
  instances: Instances,
  context: RequestContext,
  operation: DicomWebOperation,
  passes: readonly (readonly number[])[],
): AsyncGenerator<Frame, void, undefined> {
  let current = instance;
  let source = instances;
  for (const [i, numbers] of passes.entries()) {
    if (i > 0) {
      await source.leave();
      source = new Instances(context, operation);
      current = await source.first();
    }
    yield* readFrames(current, numbers);
  }
  await source.leave();
}

async function* withFirst(
  first: Frame,
  others: AsyncGenerator<Frame>,
): AsyncGenerator<Frame, void, undefined> {
  yield first;
  yield* others;
}

async function* alone(
  bytes: AsyncIterable<Uint8Array>,
  frames: AsyncGenerator<Frame>,
): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    yield* bytes;
  } finally {
    await frames.return(undefined);
  }
}

async function* parts(
  frames: AsyncIterable<Frame>,
  type: string,
  location: string,
): AsyncGenerator<OutgoingPart, void, undefined> {
  for await (const { number, bytes } of frames) {
    yield { headers: { 'Content-Type': type, 'Content-Location': `${location}${number}` }, body: bytes };
  }
}
