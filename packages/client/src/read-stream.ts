/** The chunks of a stream; leaving the loop early cancels it. (Safari's streams are not iterable themselves.) */
export async function* readStream<T>(stream: ReadableStream<T>): AsyncGenerator<T> {
  const reader = stream.getReader();
  let ended = false;
  try {
    for (let next = await reader.read(); !next.done; next = await reader.read()) yield next.value;
    ended = true;
  } finally {
    // A stream that broke rejects its cancellation with the error that is being thrown already.
    if (!ended) await reader.cancel().catch(() => {});
  }
}
