import { type AttributesInput, attributesFrom } from '@adit/core';
import { DicomWebError } from '../dicomweb-error.ts';
import { parseMediaType } from '../multipart/media-type.ts';
import { type MultipartPart, parseMultipart } from '../multipart/parse-multipart.ts';
import type { RequestContext } from './context.ts';
import { HttpProblem } from './http-problem.ts';
import { IncomingInstances } from './incoming-instances.ts';
import type { DicomWebOperation } from './operation.ts';
import { acceptsJson } from './search.ts';

/** Most instances of one request: what became of each is kept until the answer. */
const MAX_INSTANCES = 100_000;

/** Stores the instances of a request as they arrive, and says what became of each (PS3.18 §10.5). */
export async function store(context: RequestContext, operation: DicomWebOperation): Promise<Response> {
  const { request, sink } = context;
  if (!sink) throw new HttpProblem(501, 'Nothing can be stored at this service.');
  acceptsJson(context);
  const parts = partsOf(context);
  const incoming = new IncomingInstances(sink, operation.studyInstanceUid, request.signal, context.onError);
  let count = 0;
  try {
    for await (const part of parts) {
      if (++count > MAX_INSTANCES) {
        throw new HttpProblem(413, `More than ${MAX_INSTANCES} instances in one request are too many.`);
      }
      const { type } = parseMediaType(part.headers.get('content-type'));
      if (TYPES.has(type)) await incoming.take(part.body);
      else incoming.refuse();
    }
  } catch (error) {
    // What was begun is finished, so that nothing goes on behind the answer.
    await incoming.settled();
    if (!(error instanceof DicomWebError)) throw error;
    if (error.code === 'LIMIT')
      throw new HttpProblem(413, 'The request holds something larger than is accepted.');
    throw new HttpProblem(
      400,
      'The request is not a whole multipart message: instances may be missing; send it again.',
    );
  }
  await incoming.settled();
  if (count === 0) throw new HttpProblem(400, 'The request holds no instance.');
  return answer(incoming, operation.studyInstanceUid, context.root);
}

/** Types of a part; some clients give none. */
const TYPES: ReadonlySet<string> = new Set(['', 'application/dicom', 'application/octet-stream']);

/** The parts of a request; a request may also be a single instance. */
function partsOf({ request, maxInstanceBytes }: RequestContext): AsyncIterable<MultipartPart> {
  const { type, parameters } = parseMediaType(request.headers.get('content-type') ?? undefined);
  const coding = request.headers.get('content-encoding') ?? 'identity';
  if (coding !== 'identity') throw new HttpProblem(415, 'The request must not be compressed.');
  if (!request.body) throw new HttpProblem(400, 'The request has no body.');
  const body: AsyncIterable<Uint8Array> = request.body;
  if (type === 'application/dicom') return single(body);
  const related = parameters.get('type')?.toLowerCase() ?? 'application/dicom';
  if (type !== 'multipart/related' || related !== 'application/dicom') {
    throw new HttpProblem(415, 'Instances are taken as multipart/related; type="application/dicom".', {
      accept: 'multipart/related; type="application/dicom"',
    });
  }
  const boundary = parameters.get('boundary');
  if (!boundary) throw new HttpProblem(400, 'The Content-Type names no boundary.');
  return parseMultipart(body, boundary, { peer: 'A client', maxPartBytes: maxInstanceBytes });
}

async function* single(body: AsyncIterable<Uint8Array>): AsyncGenerator<MultipartPart, void, undefined> {
  yield { headers: new Map(), body };
}

/** 200: all stored; 202: some, or with remarks; 409: none (PS3.18 Table 10.5.3-1). */
function answer(incoming: IncomingInstances, studyInstanceUid: string | undefined, root: string): Response {
  const { stored, failed, unnamed } = incoming;
  if (
    stored.length === 0 &&
    failed.length > 0 &&
    unnamed.length === 0 &&
    failed.every(({ unavailable }) => unavailable)
  ) {
    throw new HttpProblem(503, 'The archive behind this service cannot store at present: try again later.', {
      'retry-after': '10',
    });
  }
  const remarks = stored.some(({ warning }) => warning !== undefined);
  const failures = failed.length + unnamed.length;
  const status = stored.length === 0 ? 409 : failures > 0 || remarks ? 202 : 200;
  const named = ({ sopClassUid, sopInstanceUid }: { sopClassUid: string; sopInstanceUid: string }) => ({
    ReferencedSOPClassUID: sopClassUid,
    ReferencedSOPInstanceUID: sopInstanceUid,
  });
  const list = (items: AttributesInput[]) => (items.length === 0 ? undefined : items);
  const dataset = attributesFrom({
    RetrieveURL: studyInstanceUid && stored.length > 0 ? `${root}/studies/${studyInstanceUid}` : undefined,
    FailedSOPSequence: list(failed.map((one) => ({ ...named(one), FailureReason: one.reason }))),
    ReferencedSOPSequence: list(
      stored.map((one) => ({
        ...named(one),
        RetrieveURL: `${root}/studies/${one.study}/series/${one.series}/instances/${one.sopInstanceUid}`,
        WarningReason: one.warning,
      })),
    ),
    OtherFailuresSequence: list(unnamed.map((reason) => ({ FailureReason: reason }))),
  });
  return new Response(JSON.stringify(dataset), {
    status,
    headers: { 'content-type': 'application/dicom+json' },
  });
}
