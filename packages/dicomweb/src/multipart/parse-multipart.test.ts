import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { concatBytes } from '../concat-bytes.ts';
import { bytesOf, chunked, collect, toArray } from '../testing/bytes.ts';
import { type MultipartOptions, parseMultipart } from './parse-multipart.ts';

interface ReadPart {
  headers: Record<string, string>;
  body: Uint8Array;
}

async function readAll(
  message: Uint8Array,
  boundary: string,
  options: MultipartOptions & { sizes?: number[] } = {},
): Promise<ReadPart[]> {
  const parts: ReadPart[] = [];
  const stream = chunked(message, options.sizes ?? [message.length || 1]);
  for await (const part of parseMultipart(stream, boundary, options)) {
    parts.push({ headers: Object.fromEntries(part.headers), body: await collect(part.body) });
  }
  return parts;
}

const bodies = (parts: ReadPart[]) => parts.map((part) => String.fromCharCode(...part.body));

describe('parseMultipart', () => {
  // Two parts as servers send them; the first body, 41 00 0D 0A, ends like a line.
  const message = bytesOf(
    '--b1\r\nContent-Type: application/dicom\r\nContent-Length: 4\r\n\r\nA\x00\r\n' +
      '\r\n--b1\r\nContent-Type: application/dicom;transfer-syntax=1.2\r\n\r\n\xff\xfe\r\n--b1--\r\n',
  );

  it('gives headers and bodies', async () => {
    expect(await readAll(message, 'b1')).toEqual([
      {
        headers: { 'content-type': 'application/dicom', 'content-length': '4' },
        body: bytesOf('A\x00\r\n'),
      },
      { headers: { 'content-type': 'application/dicom;transfer-syntax=1.2' }, body: bytesOf('\xff\xfe') },
    ]);
  });

  it('gives the same however the bytes are divided', async () => {
    const boundaries = fc
      .string({ unit: fc.constantFrom(...'ab-1='), minLength: 1, maxLength: 12 })
      .filter((boundary) => !boundary.endsWith(' '));
    // Bytes a delimiter is made of are frequent, so that bodies are full of half delimiters.
    const nasty = fc.array(
      fc.oneof(
        fc.constantFrom(...[0x0d, 0x0a, 0x2d, 0x61, 0x62, 0x31, 0x3d]),
        fc.integer({ min: 0, max: 255 }),
      ),
      { maxLength: 60 },
    );
    await fc.assert(
      fc.asyncProperty(
        boundaries,
        fc.array(nasty, { maxLength: 4 }),
        fc.array(fc.integer({ min: 0, max: 9 }), { minLength: 1, maxLength: 5 }),
        fc.constantFrom('\r\n', '\n'),
        async (boundary, contents, sizes, lineEnd) => {
          const parts = contents.map((content) => Uint8Array.from(content));
          const delimiter = `${lineEnd}--${boundary}`;
          fc.pre(sizes.some((size) => size > 0));
          fc.pre(parts.every((part) => !String.fromCharCode(...part).includes(delimiter)));
          const bytes = concatBytes([
            ...parts.flatMap((part, i) => [
              bytesOf(`${i === 0 ? delimiter.trimStart() : delimiter}${lineEnd}X: ${i}${lineEnd}${lineEnd}`),
              part,
            ]),
            bytesOf(`${parts.length === 0 ? delimiter.trimStart() : delimiter}--${lineEnd}`),
          ]);
          const read = await readAll(bytes, boundary, { sizes });
          expect(read.map((part) => part.body)).toEqual(parts);
          expect(read.map((part) => part.headers)).toEqual(parts.map((_, i) => ({ x: String(i) })));
        },
      ),
      { numRuns: 500 },
    );
  });

  it('keeps lines that only begin like a boundary', async () => {
    const text = '--b\r\n\r\none\r\n--bc\r\ntwo\r\n--b-\r\n--b--';
    expect(bodies(await readAll(bytesOf(text), 'b', { sizes: [3] }))).toEqual(['one\r\n--bc\r\ntwo\r\n--b-']);
  });

  it.each([
    ['an empty line first', '\r\n--b\r\n\r\nx\r\n--b--\r\n'],
    ['a preamble', 'This is a multipart message.\r\n\r\n--b\r\n\r\nx\r\n--b--\r\n'],
    ['blanks after a boundary', '--b \t\r\n\r\nx\r\n--b  \r\n\r\ny\r\n--b--', ['x', 'y']],
    ['an epilogue', '--b\r\n\r\nx\r\n--b--\r\nfarewell\r\n--b\r\n\r\nnot a part'],
    ['no line end after the closing boundary', '--b\r\n\r\nx\r\n--b--'],
    ['bare LF, and a CR that belongs to the body', '--b\n\nx\r\n--b--', ['x\r']],
    ['no parts', '--b--\r\n', []],
    ['an empty body', '--b\r\nA: 1\r\n\r\n\r\n--b--', ['']],
  ])('accepts %s', async (_, text, expected = ['x']) => {
    for (const sizes of [[1], [2], [7], [1000]]) {
      expect(bodies(await readAll(bytesOf(text), 'b', { sizes }))).toEqual(expected);
    }
  });

  it('reads folded headers and names in any case', async () => {
    const text = '--b\r\nCONTENT-Type: application/dicom;\r\n transfer-syntax=1.2\r\n\r\nx\r\n--b--';
    const [part] = await readAll(bytesOf(text), 'b');
    expect(part!.headers).toEqual({ 'content-type': 'application/dicom; transfer-syntax=1.2' });
  });

  it('calls every answer without a closing boundary truncated', async () => {
    for (let length = 0; length < message.length - 4; length++) {
      await expect(
        readAll(message.subarray(0, length), 'b1', { sizes: [5] }),
        `${length} bytes`,
      ).rejects.toMatchObject({ code: 'TRUNCATED', retryable: true });
    }
  });

  it('tells the reader of a body that it is truncated', async () => {
    const parts = parseMultipart(chunked(bytesOf('--b\r\n\r\nhalf an ob'), [4]), 'b');
    const { value: part } = await parts.next();
    await expect(collect(part!.body)).rejects.toMatchObject({ code: 'TRUNCATED' });
    await expect(parts.next()).rejects.toMatchObject({ code: 'TRUNCATED' });
  });

  it.each([
    ['headers', `--b\r\nX: ${'x'.repeat(200)}\r\n\r\nbody\r\n--b--`, { maxHeaderBytes: 100 }, 'LIMIT'],
    ['endless headers', `--b\r\n${'X: 1\r\n'.repeat(100)}`, { maxHeaderBytes: 100 }, 'LIMIT'],
    ['a body', `--b\r\n\r\n${'x'.repeat(200)}\r\n--b--`, { maxPartBytes: 100 }, 'LIMIT'],
    ['a preamble', 'x\n'.repeat(100_000), {}, 'MALFORMED'],
    ['a preamble without lines', 'x'.repeat(100_000), {}, 'MALFORMED'],
    ['a boundary line', `--b\r\n\r\nx\r\n--b${' '.repeat(100_000)}`, {}, 'LIMIT'],
  ])('bounds %s', async (_, text, options, code) => {
    await expect(readAll(bytesOf(text), 'b', { ...options, sizes: [64] })).rejects.toMatchObject({ code });
  });

  it('refuses headers that are none', async () => {
    const text = '--b\r\nno colon here\r\n\r\nx\r\n--b--';
    await expect(readAll(bytesOf(text), 'b')).rejects.toMatchObject({ code: 'MALFORMED' });
  });

  it('refuses an empty boundary, and closes the stream', async () => {
    let closed = false;
    const stream: AsyncIterable<Uint8Array> = {
      [Symbol.asyncIterator]: () => ({
        next: async () => ({ done: false, value: message }),
        return: async () => {
          closed = true;
          return { done: true, value: undefined };
        },
      }),
    };
    await expect(toArray(parseMultipart(stream, ''))).rejects.toMatchObject({ code: 'MALFORMED' });
    expect(closed).toBe(true);
  });

  const three = '--b\r\n\r\none\r\n--b\r\n\r\ntwo\r\n--b\r\n\r\nthree\r\n--b--';

  it('skips bodies that nobody reads, and the rest of those left early', async () => {
    const seen: string[] = [];
    for await (const part of parseMultipart(chunked(bytesOf(three), [4]), 'b')) {
      if (seen.length > 0) {
        for await (const slice of part.body) {
          seen.push(String.fromCharCode(slice[0]!));
          break;
        }
      } else seen.push('unread');
    }
    expect(seen).toEqual(['unread', 't', 't']);
  });

  it('gives the next part only after the body before it has been read', async () => {
    const parts = parseMultipart(chunked(bytesOf(three), [4]), 'b');
    const { value: first } = await parts.next();
    const reader = first!.body[Symbol.asyncIterator]();
    await reader.next();
    let came = false;
    const second = parts.next().then((result) => {
      came = true;
      return result;
    });
    await new Promise((resolve) => setTimeout(resolve, 10));
    expect(came).toBe(false);
    while (!(await reader.next()).done);
    expect(String.fromCharCode(...(await collect((await second).value!.body)))).toBe('two');
  });

  it('takes no more from the stream than it is asked for', async () => {
    let pulled = 0;
    async function* endless() {
      yield bytesOf('--b\r\n\r\n');
      for (;;) {
        pulled++;
        yield new Uint8Array(1000);
      }
    }
    for await (const part of parseMultipart(endless(), 'b')) {
      const reader = part.body[Symbol.asyncIterator]();
      for (let i = 0; i < 5; i++) await reader.next();
      expect(pulled).toBe(5);
      break;
    }
  });

  it('closes the stream when it is left, and passes on what the stream throws', async () => {
    let closed = false;
    async function* stream() {
      try {
        yield bytesOf('--b\r\n\r\none\r\n--b\r\n');
        throw new Error('cut');
      } finally {
        closed = true;
      }
    }
    for await (const _ of parseMultipart(stream(), 'b')) break;
    expect(closed).toBe(true);
    await expect(toArray(parseMultipart(stream(), 'b'))).rejects.toThrow('cut');
  });

  it('hands bodies on without copying them', async () => {
    const chunk = bytesOf(`--b\r\n\r\n${'x'.repeat(1000)}\r\n--b--`);
    for await (const part of parseMultipart(chunked(chunk, [chunk.length]), 'b')) {
      const slices = await toArray(part.body);
      expect(slices).toHaveLength(1);
      expect(slices[0]!.byteOffset).toBe(7);
    }
  });
});
