import { concatBytes } from './concat-bytes.ts';
import { DicomWebError } from './dicomweb-error.ts';

/**
 * All bytes of a small body. Throws `LIMIT` when it is not small.
 *
 * @param what was sent, for the error: `The service sent an answer`
 */
export async function collectBounded(
  stream: AsyncIterable<Uint8Array>,
  maxBytes: number,
  what: string,
): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of stream) {
    length += chunk.length;
    if (length > maxBytes) throw new DicomWebError('LIMIT', `${what} larger than ${maxBytes} bytes.`);
    chunks.push(chunk);
  }
  return concatBytes(chunks);
}
