import { concatBytes } from '../concat-bytes.ts';

/** One part of a message to be written. */
export interface OutgoingPart {
  /** Written as they are given: `{ 'Content-Type': 'application/dicom' }`. */
  headers: Readonly<Record<string, string>>;
  body: AsyncIterable<Uint8Array>;
}

/** A boundary that occurs in no body: 122 random bits (RFC 2046 §5.1.1). */
export function newBoundary(): string {
  return crypto.randomUUID();
}

/**
 * Writes a multipart message (RFC 2046 §5.1) as its parts are read: one part after the other, each with the pace of
 * whoever reads the message. An error of a part ends the message without its closing boundary. A message without parts is
 * its closing boundary alone.
 */
export async function* writeMultipart(
  parts: AsyncIterable<OutgoingPart> | Iterable<OutgoingPart>,
  boundary: string,
): AsyncGenerator<Uint8Array, void, undefined> {
  let first = true;
  for await (const { headers, body } of parts) {
    // One write for the head of a part and what is small at its beginning.
    let head: Uint8Array | undefined = headOf(boundary, headers, first);
    first = false;
    for await (const chunk of body) {
      if (head === undefined) yield chunk;
      else if (chunk.length > COALESCED) {
        yield head;
        yield chunk;
        head = undefined;
      } else {
        head = concatBytes([head, chunk]);
        if (head.length > COALESCED) {
          yield head;
          head = undefined;
        }
      }
    }
    if (head !== undefined) yield head;
  }
  yield endOf(boundary, first);
}

/** Length of a message in bytes, of parts whose bodies have these lengths. */
export function multipartLength(
  parts: readonly { headers: Readonly<Record<string, string>>; byteLength: number }[],
  boundary: string,
): number {
  let length = endOf(boundary, parts.length === 0).length;
  for (const [i, { headers, byteLength }] of parts.entries()) {
    length += headOf(boundary, headers, i === 0).length + byteLength;
  }
  return length;
}

const COALESCED = 4096;

const encoder = new TextEncoder();

function headOf(boundary: string, headers: Readonly<Record<string, string>>, first: boolean): Uint8Array {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  return encoder.encode(`${first ? '' : '\r\n'}--${boundary}\r\n${lines.join('')}\r\n`);
}

const endOf = (boundary: string, empty: boolean): Uint8Array =>
  encoder.encode(`${empty ? '' : '\r\n'}--${boundary}--\r\n`);
