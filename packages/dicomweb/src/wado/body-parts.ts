import { parseMediaType } from '../multipart/media-type.ts';
import { parseMultipart } from '../multipart/parse-multipart.ts';
import type { Service } from '../service.ts';
import type { HttpAnswer } from '../transport/transport.ts';

/** One piece of an answer: a frame, a value, an image. */
export interface BodyPart {
  /** `application/octet-stream`, `image/jpeg`. */
  mediaType: string;
  /** Of what is in it, where the service says so. */
  transferSyntaxUid?: string;
  /** Number of bytes, where the service says so. */
  byteLength?: number;
  /** Has one reader. Must be read, or left, before the next part is asked for. */
  bytes: AsyncIterable<Uint8Array>;
}

/** The parts of an answer, be it multipart or a single one. Leaving the iteration ends the request. */
export async function* bodyParts(
  service: Service,
  answer: HttpAnswer,
): AsyncGenerator<BodyPart, void, undefined> {
  const { type, parameters } = parseMediaType(answer.header('content-type'));
  if (!type.startsWith('multipart/')) {
    try {
      yield partOf(answer.header('content-type'), answer.header('content-length'), answer.body);
    } finally {
      await answer.discard();
    }
    return;
  }
  const options = { peer: service.root.name, maxPartBytes: service.maxInstanceBytes };
  for await (const { headers, body } of parseMultipart(
    answer.body,
    parameters.get('boundary') ?? '',
    options,
  )) {
    yield partOf(headers.get('content-type'), headers.get('content-length'), body);
  }
}

function partOf(
  type: string | undefined,
  length: string | undefined,
  bytes: AsyncIterable<Uint8Array>,
): BodyPart {
  const { type: mediaType, parameters } = parseMediaType(type);
  const transferSyntaxUid = parameters.get('transfer-syntax');
  return {
    mediaType,
    bytes,
    ...(transferSyntaxUid === undefined ? {} : { transferSyntaxUid }),
    ...(length === undefined || !/^\d+$/.test(length) ? {} : { byteLength: Number(length) }),
  };
}
