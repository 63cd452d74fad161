import { DicomError } from '../errors.ts';

/**
 * Deflates the bytes of a data set (PS3.5 §A.5), padded to an even length. The same bytes give the same result whatever
 * chunks they come in, in every JavaScript engine.
 */
export async function* deflateDataset(
  _chunks: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void, undefined> {
  throw new DicomError('NOT_IMPLEMENTED', 'Deflate is being written.');
}
