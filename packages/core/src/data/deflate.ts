import { fflate } from '#fflate';

/** Blocks of this size go to the compressor, whatever the chunks were, so that its output does not depend on them. */
const blockLength = 64 * 1024;

/**
 * Deflates the bytes of a data set (PS3.5 §A.5), padded to an even length. The same bytes give the same result whatever
 * chunks they come in, in every JavaScript engine.
 */
export async function* deflateDataset(
  chunks: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void, undefined> {
  const ready: Uint8Array[] = [];
  let length = 0;
  const { Deflate } = fflate();
  const deflate = new Deflate({ level: 6 }, (data) => {
    length += data.length;
    if (data.length > 0) ready.push(data);
  });
  let block = new Uint8Array(blockLength);
  let filled = 0;
  for await (const chunk of chunks) {
    for (let at = 0; at < chunk.length; ) {
      const piece = chunk.subarray(at, at + blockLength - filled);
      block.set(piece, filled);
      filled += piece.length;
      at += piece.length;
      if (filled === blockLength) {
        deflate.push(block);
        block = new Uint8Array(blockLength);
        filled = 0;
        yield* ready.splice(0);
      }
    }
  }
  deflate.push(block.subarray(0, filled), true);
  if (length % 2 !== 0) ready.push(new Uint8Array(1));
  yield* ready;
}
