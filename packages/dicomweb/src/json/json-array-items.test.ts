import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { chunked, toArray } from '../testing/bytes.ts';
import { type JsonArrayOptions, jsonArrayItems } from './json-array-items.ts';

const readAll = (text: string, sizes: number[] = [1000], options: JsonArrayOptions = {}) =>
  toArray(jsonArrayItems(chunked(new TextEncoder().encode(text), sizes), options));

describe('jsonArrayItems', () => {
  it('gives what JSON.parse gives, however the bytes are divided', async () => {
    const sizes = fc.array(fc.integer({ min: 0, max: 20 }), { minLength: 1, maxLength: 5 });
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.dictionary(fc.string({ unit: 'binary' }), fc.jsonValue()), { maxLength: 4 }),
        sizes,
        fc.constantFrom(undefined, 1, '\t'),
        async (items, chunks, indent) => {
          fc.pre(chunks.some((size) => size > 0));
          const text = JSON.stringify(items, null, indent);
          expect(await readAll(text, chunks)).toEqual(JSON.parse(text));
        },
      ),
    );
  });

  it('gives an item before the next has arrived', async () => {
    async function* stream() {
      yield new TextEncoder().encode('[{"a": 1}, {"a"');
      throw new Error('cut');
    }
    const items = jsonArrayItems(stream());
    expect((await items.next()).value).toEqual({ a: 1 });
    await expect(items.next()).rejects.toThrow('cut');
  });

  it.each(['', '[]', ' [ ] ', '\uFEFF[]'])('finds no items in %j', async (text) => {
    expect(await readAll(text)).toEqual([]);
  });

  it.each(['[{"a": 1}', '[{"a": "', '[', '[{"a": [1'])('calls %j truncated', async (text) => {
    await expect(readAll(text, [3])).rejects.toMatchObject({ code: 'TRUNCATED', retryable: true });
  });

  it.each([
    '{"error": 1}',
    '<html>',
    '"text"',
    '[1]',
    '["a"]',
    '[[{}]]',
    '[]]',
    '[]{}',
    '[{"a": nothing}]',
    '[{]}]',
    `[{"a":${'['.repeat(100_000)}`,
  ])('refuses %.20j', async (text) => {
    await expect(readAll(text)).rejects.toMatchObject({ code: 'MALFORMED' });
  });

  it('bounds an item, not the array', async () => {
    const item = JSON.stringify({ a: 'x'.repeat(200) });
    const text = `[${Array(20).fill(item).join()}]`;
    expect(await readAll(text, [64], { maxItemBytes: 300 })).toHaveLength(20);
    await expect(readAll(text, [64], { maxItemBytes: 100 })).rejects.toMatchObject({ code: 'LIMIT' });
  });
});
