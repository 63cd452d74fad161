import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { DatasetOutput } from './dataset-output.ts';
import { concatenated } from './stamps.ts';

/** A header whose last four bytes are a length, as those of sequences and items are. */
const header = Uint8Array.of(0xfe, 0xff, 0x00, 0xe0, 0xaa, 0xaa, 0xaa, 0xaa);
const bytesOf = (length: number) => Uint8Array.from({ length }, (_, i) => i % 251);

describe('the output', () => {
  test('sets lengths when they are known, and gives nothing before', () => {
    const output = new DatasetOutput(1000);
    output.write(bytesOf(3));
    const outer = output.openLength(header, true);
    const inner = output.openLength(header, false);
    output.write(bytesOf(300));
    expect(output.take()).toEqual([]);
    expect(output.closeLength(inner)).toBe(true);
    expect(output.closeLength(outer)).toBe(true);
    const expected = concatenated([
      bytesOf(3),
      Uint8Array.of(0xfe, 0xff, 0x00, 0xe0, 0x34, 0x01, 0, 0), // 308, little endian
      Uint8Array.of(0xfe, 0xff, 0x00, 0xe0, 0, 0, 0x01, 0x2c), // 300, big endian
      bytesOf(300),
    ]);
    expect(concatenated(output.take())).toEqual(expected);
    expect(output.take()).toEqual([]);
  });

  test('gives lengths up beyond its memory, of what is open then and of nothing else', () => {
    const output = new DatasetOutput(1000);
    const outer = output.openLength(header, true);
    const first = output.openLength(header, true);
    output.write(bytesOf(500));
    expect(output.closeLength(first)).toBe(true);
    const second = output.openLength(header, true);
    output.write(bytesOf(600));
    expect(output.take().length).toBeGreaterThan(0);
    expect(output.closeLength(second)).toBe(false);
    const third = output.openLength(header, true);
    output.write(bytesOf(10));
    expect(output.closeLength(third)).toBe(true);
    expect(output.closeLength(outer)).toBe(false);
    expect(outer.undefinedLength).toBe(true);
    expect([...outer.block.subarray(outer.offset, outer.offset + 4)]).toEqual([255, 255, 255, 255]);
    expect([...third.block.subarray(third.offset, third.offset + 4)]).toEqual([10, 0, 0, 0]);
  });

  test('does not write to memory it has given away', () => {
    const output = new DatasetOutput(1000);
    output.write(bytesOf(10));
    const [first] = output.take();
    output.write(bytesOf(20));
    const [second] = output.take();
    expect(first!.buffer).not.toBe(second!.buffer);
  });

  test('gives what was written, however it was cut and whenever it was taken', () => {
    const pieces = fc.array(fc.tuple(fc.nat(9000), fc.boolean()), { maxLength: 40 });
    fc.assert(
      fc.property(pieces, (cuts) => {
        const output = new DatasetOutput(1_000_000);
        const taken: Uint8Array[] = [];
        for (const [length, take] of cuts) {
          output.write(bytesOf(length));
          if (take) taken.push(...output.take());
        }
        taken.push(...output.take());
        expect(concatenated(taken)).toEqual(concatenated(cuts.map(([length]) => bytesOf(length))));
      }),
    );
  });
});
