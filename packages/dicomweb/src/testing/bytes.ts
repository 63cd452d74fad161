import { concatBytes } from '../concat-bytes.ts';

/** Bytes of a text, one byte a character: `\r\n` and letters as they are, `\x00`–`\xff` as bytes. */
export function bytesOf(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

/** All bytes of a stream, as a plain array of bytes also where they are Node's. */
export async function collect(stream: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  return new Uint8Array(concatBytes(await toArray(stream)));
}

export async function toArray<T>(items: AsyncIterable<T>): Promise<T[]> {
  const array: T[] = [];
  for await (const item of items) array.push(item);
  return array;
}

/** The bytes in chunks of these sizes, over and over; a size of 0 gives an empty chunk. */
export async function* chunked(bytes: Uint8Array, sizes: readonly number[]): AsyncGenerator<Uint8Array> {
  let at = 0;
  for (let i = 0; at < bytes.length; i++) {
    const size = sizes[i % sizes.length]!;
    yield bytes.slice(at, at + size);
    at += size;
  }
}
