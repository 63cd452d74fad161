import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeRleFrame } from './rle.ts';

/** Unpacks one segment (PS3.5 §G.3.2), written from the standard and not from the encoder. */
function unpack(segment: Uint8Array, length: number): number[] {
  const out: number[] = [];
  let at = 0;
  while (out.length < length) {
    const n = (segment[at++]! << 24) >> 24;
    if (n >= 0) {
      for (let i = 0; i <= n; i++) out.push(segment[at++]!);
    } else if (n !== -128) {
      for (let i = 0; i < 1 - n; i++) out.push(segment[at]!);
      at++;
    }
  }
  expect(out.length).toBe(length);
  expect(segment.length - at).toBeLessThanOrEqual(1);
  return out;
}

function segmentsOf(frame: Uint8Array): Uint8Array[] {
  const view = new DataView(frame.buffer, frame.byteOffset);
  const count = view.getUint32(0, true);
  const offsets = Array.from({ length: count }, (_, i) => view.getUint32(4 + 4 * i, true));
  return offsets.map((offset, i) => frame.subarray(offset, offsets[i + 1] ?? frame.length));
}

describe('encodeRleFrame', () => {
  it('writes a run and a literal as in PS3.5 §G.3', () => {
    const frame = encodeRleFrame(new Uint8Array([7, 7, 7, 7, 1, 2]), {
      columns: 6,
      samplesPerPixel: 1,
      bytesPerSample: 1,
    });
    expect([...frame.subarray(0, 8)]).toEqual([1, 0, 0, 0, 64, 0, 0, 0]);
    // Repeat 7 four times (1 - 4 = -3), then two literal bytes, then padding to an even length.
    expect([...frame.subarray(64)]).toEqual([253, 7, 1, 1, 2, 0]);
  });

  it('puts the most significant byte of 16-bit samples into the first segment', () => {
    const frame = encodeRleFrame(new Uint8Array([0x34, 0x12, 0x78, 0x56]), {
      columns: 2,
      samplesPerPixel: 1,
      bytesPerSample: 2,
    });
    const [first, second] = segmentsOf(frame);
    expect(unpack(first!, 2)).toEqual([0x12, 0x56]);
    expect(unpack(second!, 2)).toEqual([0x34, 0x78]);
  });

  it('gives back any frame, in segments of even length', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 300 }),
        fc.integer({ min: 1, max: 3 }),
        fc.constantFrom([1, 1], [1, 2], [3, 1]),
        // Few distinct values make runs of all lengths.
        fc.infiniteStream(fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 3 }), fc.nat(255))),
        (columns, rows, [samplesPerPixel, bytesPerSample], values) => {
          const bytesPerPixel = samplesPerPixel! * bytesPerSample!;
          const pixels = Uint8Array.from(
            { length: rows * columns * bytesPerPixel },
            () => values.next().value!,
          );
          const frame = encodeRleFrame(pixels, {
            columns,
            samplesPerPixel: samplesPerPixel!,
            bytesPerSample: bytesPerSample!,
          });
          const segments = segmentsOf(frame);
          expect(segments).toHaveLength(bytesPerPixel);
          segments.forEach((segment, index) => {
            expect(segment.length % 2).toBe(0);
            const byte = bytesPerSample === 2 ? 1 - index : index;
            expect(unpack(segment, rows * columns)).toEqual(
              [...pixels].filter((_, i) => i % bytesPerPixel === byte),
            );
          });
        },
      ),
      { numRuns: 60 },
    );
  });
});
