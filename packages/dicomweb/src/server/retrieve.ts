import {
  DicomError,
  type DicomInstance,
  type RetrieveFailure,
  type Selection,
  writePart10,
} from '@adit/core';
import { newBoundary, type OutgoingPart, writeMultipart } from '../multipart/write-multipart.ts';
import { includesType, parseAccept, transferSyntaxesOf } from './accept.ts';
import type { RequestContext } from './context.ts';
import { HttpProblem } from './http-problem.ts';
import type { DicomWebOperation, Resource } from './operation.ts';
import { streamOf } from './stream-response.ts';

/** Answers with instances as they are stored (PS3.18 §10.4), as they arrive. */
export async function retrieve(context: RequestContext, operation: DicomWebOperation): Promise<Response> {
  const { request, url } = context;
  const ranges = parseAccept(url.searchParams.get('accept') ?? request.headers.get('accept'));
  const multipart = ranges.filter((range) => includesType(range, 'multipart/related', 'application/dicom'));
  const single = operation.sopInstanceUid ? ranges.filter((range) => range.type === 'application/dicom') : [];
  if (multipart.length + single.length === 0) {
    throw new HttpProblem(406, 'Instances are available as multipart/related; type="application/dicom".');
  }
  const alone = multipart.length === 0 || (single[0]?.quality ?? 0) > multipart[0]!.quality;
  const syntaxes = transferSyntaxesOf(alone ? single : multipart);

  const instances = new Instances(context, operation);
  const first = await instances.first();
  if (syntaxes && !syntaxes.has(first.transferSyntaxUid)) {
    await instances.leave();
    throw new HttpProblem(
      406,
      `The instances are stored as ${first.transferSyntaxUid} and are given in no other transfer syntax.`,
    );
  }
  if (alone) {
    return new Response(streamOf(wholeFile(instances), context), {
      headers: { 'content-type': typeOf(first) },
    });
  }
  const boundary = newBoundary();
  return new Response(streamOf(writeMultipart(parts(instances, syntaxes), boundary), context), {
    headers: { 'content-type': `multipart/related; type="application/dicom"; boundary=${boundary}` },
  });
}

const typeOf = ({ transferSyntaxUid }: DicomInstance): string =>
  `application/dicom; transfer-syntax=${transferSyntaxUid}`;

async function* wholeFile(instances: Instances): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const instance of instances) yield* writePart10(instance);
}

async function* parts(
  instances: Instances,
  syntaxes: ReadonlySet<string> | undefined,
): AsyncGenerator<OutgoingPart, void, undefined> {
  for await (const instance of instances) {
    if (syntaxes && !syntaxes.has(instance.transferSyntaxUid)) {
      throw new DicomError(
        'NOT_ACCEPTABLE',
        'One of the instances is in a transfer syntax that the client does not accept.',
      );
    }
    yield { headers: { 'Content-Type': typeOf(instance) }, body: writePart10(instance) };
  }
}

/**
 * The instances of a resource. The first is waited for, so that what is not there becomes a status; one that the source
 * cannot deliver ends the iteration with an error after the others, for an answer that lacks it must not look whole.
 */
export class Instances implements AsyncIterable<DicomInstance> {
  readonly #iterator: AsyncIterator<DicomInstance>;
  readonly #failures: RetrieveFailure[] = [];
  /** A source may call an instance undelivered that was left early here. */
  readonly #given = new Set<string>();
  #first: DicomInstance | undefined;

  constructor({ source, request }: RequestContext, resource: Resource) {
    if (!source) throw new HttpProblem(501, 'Nothing can be retrieved from this service.');
    const options = {
      signal: request.signal,
      onFailure: (failure: RetrieveFailure) => void this.#failures.push(failure),
    };
    this.#iterator = source.retrieve(selectionOf(resource), options)[Symbol.asyncIterator]();
  }

  async first(): Promise<DicomInstance> {
    const result = await this.#iterator.next();
    if (!result.done) {
      this.#first = result.value;
      this.#given.add(result.value.sopInstanceUid);
      return result.value;
    }
    const again = this.#failures.find(({ retryable }) => retryable);
    if (again) throw new DicomError('UNDELIVERED', again.message, { retryable: true });
    throw new HttpProblem(404, 'What was asked for is not here.');
  }

  /** Gives the instances up. */
  async leave(): Promise<void> {
    await this.#first?.dataset[Symbol.asyncIterator]().return?.();
    await this.#iterator.return?.();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<DicomInstance, void, undefined> {
    try {
      if (this.#first) yield this.#first;
      for (let next = await this.#iterator.next(); !next.done; next = await this.#iterator.next()) {
        this.#given.add(next.value.sopInstanceUid);
        yield next.value;
      }
      const failure = this.#failures.find(({ sopInstanceUid = '' }) => !this.#given.has(sopInstanceUid));
      if (failure) throw new DicomError('UNDELIVERED', failure.message, { retryable: failure.retryable });
    } finally {
      await this.#iterator.return?.();
    }
  }
}

function selectionOf({ studyInstanceUid, seriesInstanceUid, sopInstanceUid }: Resource): Selection {
  return {
    studyInstanceUid: studyInstanceUid!,
    ...(seriesInstanceUid === undefined ? {} : { seriesInstanceUids: [seriesInstanceUid] }),
    ...(sopInstanceUid === undefined ? {} : { sopInstanceUids: [sopInstanceUid] }),
  };
}
