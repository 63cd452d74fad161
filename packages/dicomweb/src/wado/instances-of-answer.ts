import {
  DicomError,
  type DicomInstance,
  type OneReader,
  oneReader,
  type RetrieveFailure,
  readPart10,
} from '@adit/core';
import { DicomWebError } from '../dicomweb-error.ts';
import { parseMediaType } from '../multipart/media-type.ts';
import { type MultipartPart, parseMultipart } from '../multipart/parse-multipart.ts';
import { type Service, unexpectedAnswer } from '../service.ts';
import type { HttpAnswer } from '../transport/transport.ts';

export interface InstancesOptions {
  onFailure: (failure: RetrieveFailure) => void;
  /** Called with each data set before its instance is given. */
  onReader: (reader: OneReader) => void;
}

/** Types of a part, or of an answer that is a single instance. `octet-stream` is what old servers call it. */
const INSTANCE_TYPES: ReadonlySet<string> = new Set(['', 'application/dicom', 'application/octet-stream']);

/** The instances in an answer of WADO-RS (PS3.18 §10.4): Part 10 files as parts of a multipart message, or a single one. */
export async function* instancesOfAnswer(
  service: Service,
  answer: HttpAnswer,
  options: InstancesOptions,
): AsyncGenerator<DicomInstance, void, undefined> {
  for await (const part of partsOf(service, answer)) {
    const { type } = parseMediaType(part.headers.get('content-type'));
    // An iterator, so that it can be left whatever became of those who read from it.
    const body = part.body[Symbol.asyncIterator]();
    try {
      if (!INSTANCE_TYPES.has(type)) throw unexpectedAnswer(service.root, type, 'an instance');
      const length = Number(part.headers.get('content-length') ?? Number.NaN);
      const file = await readPart10(
        checked(body, length, service.root.name),
        Number.isNaN(length) ? {} : { byteLength: length },
      );
      const { sopClassUid, sopInstanceUid, transferSyntaxUid, byteLength } = file;
      const reader = oneReader(file.dataset, () => refused(service.root.name));
      options.onReader(reader);
      yield {
        sopClassUid,
        sopInstanceUid,
        transferSyntaxUid,
        dataset: reader.dataset,
        ...(byteLength === undefined ? {} : { byteLength }),
      };
      await reader.settled();
    } catch (error) {
      // One part that cannot be read does not spoil the others; a broken answer does.
      if (!(error instanceof DicomError) || isOfTheAnswer(error)) throw error;
      options.onFailure({ message: error.message, retryable: error.retryable });
    } finally {
      await body.return?.();
    }
  }
}

function partsOf(service: Service, answer: HttpAnswer): AsyncIterable<MultipartPart> {
  const { name } = service.root;
  const { type, parameters } = parseMediaType(answer.header('content-type'));
  if (type.startsWith('multipart/')) {
    return parseMultipart(answer.body, parameters.get('boundary') ?? '', {
      peer: name,
      maxPartBytes: service.maxInstanceBytes,
    });
  }
  return single(service, answer, type);
}

/** Servers may answer with the instance itself when there is but one. */
async function* single(service: Service, answer: HttpAnswer, type: string): AsyncGenerator<MultipartPart> {
  if (!INSTANCE_TYPES.has(type)) {
    await answer.discard();
    throw unexpectedAnswer(service.root, type, 'DICOM instances');
  }
  const headers = new Map([['content-type', type]]);
  const length = answer.header('content-length');
  // The length of a compressed answer is not that of the instance.
  if (length !== undefined && !answer.header('content-encoding')) headers.set('content-length', length);
  yield { headers, body: answer.body };
}

/** Passes the bytes of a part on, and compares their number with the one announced, if one was. */
function checked(body: AsyncIterator<Uint8Array>, length: number, name: string): AsyncIterable<Uint8Array> {
  let bytes = 0;
  return {
    [Symbol.asyncIterator]: () => ({
      async next() {
        const result = await body.next();
        if (!result.done) bytes += result.value.length;
        else if (!Number.isNaN(length) && bytes !== length) {
          throw new DicomWebError(
            'MALFORMED',
            `${name} sent ${bytes} bytes of an instance where it had announced ${length}: try again.`,
            { retryable: true },
          );
        }
        return result;
      },
      return: async () => (await body.return?.()) ?? { done: true, value: undefined },
    }),
  };
}

/** Has the stream of parts itself come to its end? What `checked` and the types of parts find wrong concerns one part. */
const isOfTheAnswer = (error: DicomError): boolean =>
  error instanceof DicomWebError && error.code !== 'UNEXPECTED_ANSWER' && error.code !== 'MALFORMED';

function refused(name: string): DicomWebError {
  return new DicomWebError('REJECTED', `An instance of ${name} was not read before the next was asked for.`);
}
