import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { concatBytes } from '../concat-bytes.ts';
import { bytesOf, chunked, collect, toArray } from '../testing/bytes.ts';
import { parseMultipart } from './parse-multipart.ts';
import { multipartLength, newBoundary, writeMultipart } from './write-multipart.ts';

const HEADERS = { 'Content-Type': 'application/dicom', 'X-Part': '1' };

describe('writeMultipart', () => {
  it('writes parts as RFC 2046 has them', async () => {
    const parts = ['A\r\n', ''].map((text) => ({ headers: HEADERS, body: chunked(bytesOf(text), [2]) }));
    const head = 'Content-Type: application/dicom\r\nX-Part: 1\r\n\r\n';
    expect(await collect(writeMultipart(parts, 'b'))).toEqual(
      bytesOf(`--b\r\n${head}A\r\n\r\n--b\r\n${head}\r\n--b--\r\n`),
    );
    expect(await collect(writeMultipart([], 'b'))).toEqual(bytesOf('--b--\r\n'));
  });

  it('writes what the parser reads, of the length it said', async () => {
    const bytes = fc.uint8Array({ maxLength: 9_000 });
    await fc.assert(
      fc.asyncProperty(
        fc.array(bytes, { maxLength: 4 }),
        fc.integer({ min: 1, max: 5_000 }),
        async (bodies, size) => {
          const boundary = newBoundary();
          const parts = bodies.map((body) => ({ headers: HEADERS, body: chunked(body, [size]) }));
          const message = await collect(writeMultipart(parts, boundary));
          const lengths = bodies.map((body) => ({ headers: HEADERS, byteLength: body.length }));
          expect(message.length).toBe(multipartLength(lengths, boundary));
          const read: Uint8Array[] = [];
          for await (const part of parseMultipart(chunked(message, [size]), boundary)) {
            expect(part.headers.get('x-part')).toBe('1');
            read.push(await collect(part.body));
          }
          expect(read).toEqual(bodies);
        },
      ),
      { numRuns: 100 },
    );
  });

  it('ends without a closing boundary when a part throws', async () => {
    async function* breaking() {
      yield new Uint8Array(5_000);
      throw new Error('cut');
    }
    const written: Uint8Array[] = [];
    await expect(async () => {
      for await (const chunk of writeMultipart([{ headers: HEADERS, body: breaking() }], 'b')) {
        written.push(chunk);
      }
    }).rejects.toThrow('cut');
    expect(new TextDecoder().decode(concatBytes(written))).not.toContain('--b--');
  });

  it('passes large chunks on as they are, and small ones together with the head', async () => {
    const large = new Uint8Array(10_000);
    const parts = [
      { headers: HEADERS, body: chunked(large, [10_000]) },
      { headers: HEADERS, body: chunked(new Uint8Array(100), [10]) },
    ];
    const chunks = await toArray(writeMultipart(parts, 'b'));
    expect(chunks.map(({ length }) => length)).toEqual([
      expect.any(Number),
      10_000,
      expect.any(Number),
      expect.any(Number),
    ]);
  });
});
