/**
 * Bytes from a fixture: hexadecimal digits, texts in single quotes as they are; what follows `--` in a line is a remark.
 */
export function bytes(fixture: string): Buffer {
  const pieces: Buffer[] = [];
  for (const line of fixture.split('\n')) {
    const content = line.split('--')[0]!;
    for (const [, text, digits] of content.matchAll(/'([^']*)'|([0-9a-f]+)/gi)) {
      pieces.push(text !== undefined ? Buffer.from(text, 'latin1') : Buffer.from(digits!, 'hex'));
    }
  }
  return Buffer.concat(pieces);
}

/** All bytes of a data set that streams. */
export async function bytesOf(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for await (const piece of chunks) pieces.push(piece);
  return Buffer.concat(pieces);
}
