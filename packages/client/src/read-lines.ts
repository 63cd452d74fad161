import { readStream } from './read-stream.ts';

/**
 * The JSON documents of an answer in lines (application/x-ndjson), as they arrive.
 *
 * Throws a `SyntaxError` for a line that is no JSON, and a `RangeError` for one of more than `maxLength` characters
 * (default: 4 Mi). Leaving the loop early closes the connection.
 */
export async function* readLines(
  body: ReadableStream<Uint8Array>,
  maxLength = 4 * 1024 * 1024,
): AsyncGenerator<unknown> {
  let rest = '';
  for await (const text of readStream(body.pipeThrough(new TextDecoderStream()))) {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    if (rest.length > maxLength) throw new RangeError('The server sent a line that is too long.');
    for (const line of lines) if (line.trim() !== '') yield JSON.parse(line);
  }
  if (rest.trim() !== '') yield JSON.parse(rest);
}
