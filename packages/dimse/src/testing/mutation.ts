import fc from 'fast-check';

/** One way to spoil bytes. Places are fractions of their length, or the header of one of their PDUs. */
export type Mutation =
  | { kind: 'flip'; at: number; mask: number }
  | { kind: 'number'; at: number; value: number }
  | { kind: 'header'; pdu: number; offset: number; value: number }
  | { kind: 'cut'; at: number }
  | { kind: 'drop'; at: number; length: number }
  | { kind: 'insert'; at: number; bytes: Uint8Array }
  | { kind: 'repeat'; at: number; length: number };

/** Anywhere: not the ends above all, as generators like it. */
const place = fc.noBias(fc.nat({ max: 99_999 })).map((share) => share / 100_000);

/** Any mutation, those of lengths and headers among them, which hurt most. */
export const anyMutation: fc.Arbitrary<Mutation> = fc.oneof(
  fc.record({ kind: fc.constant('flip' as const), at: place, mask: fc.integer({ min: 1, max: 255 }) }),
  fc.record({
    kind: fc.constant('number' as const),
    at: place,
    value: fc.constantFrom(0, 1, 0xff, 0xffff, 0x01000000, 0x7fffffff, 0xffffffff),
  }),
  fc.record({
    kind: fc.constant('header' as const),
    pdu: fc.nat({ max: 50 }),
    offset: fc.integer({ min: 0, max: 19 }),
    value: fc.oneof(fc.integer({ min: 0, max: 8 }), fc.integer({ min: 0, max: 255 })),
  }),
  fc.record({ kind: fc.constant('cut' as const), at: place }),
  fc.record({ kind: fc.constant('drop' as const), at: place, length: fc.integer({ min: 1, max: 64 }) }),
  fc.record({
    kind: fc.constant('insert' as const),
    at: place,
    bytes: fc.uint8Array({ minLength: 1, maxLength: 64 }),
  }),
  fc.record({ kind: fc.constant('repeat' as const), at: place, length: fc.integer({ min: 1, max: 4096 }) }),
);

/** Where the PDUs in well-formed bytes begin. */
function pduStarts(bytes: Buffer): number[] {
  const starts: number[] = [];
  for (let at = 0; at + 6 <= bytes.length; at += 6 + bytes.readUInt32BE(at + 2)) starts.push(at);
  return starts.length > 0 ? starts : [0];
}

/** Spoils bytes in all these ways, one after another. */
export function mutate(original: Buffer, mutations: readonly Mutation[]): Buffer {
  const starts = pduStarts(original);
  let bytes: Buffer = Buffer.from(original);
  for (const mutation of mutations) {
    if (bytes.length < 4) return bytes;
    const at = 'at' in mutation ? Math.floor(mutation.at * bytes.length) : 0;
    switch (mutation.kind) {
      case 'flip':
        bytes[at]! ^= mutation.mask;
        break;
      case 'number':
        bytes.writeUInt32BE(mutation.value, Math.min(at, bytes.length - 4));
        break;
      case 'header': {
        const start = starts[mutation.pdu % starts.length]!;
        if (start + mutation.offset < bytes.length) bytes[start + mutation.offset] = mutation.value;
        break;
      }
      case 'cut':
        bytes = bytes.subarray(0, at);
        break;
      case 'drop':
        bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + mutation.length)]);
        break;
      case 'insert':
        bytes = Buffer.concat([bytes.subarray(0, at), mutation.bytes, bytes.subarray(at)]);
        break;
      case 'repeat':
        bytes = Buffer.concat([bytes.subarray(0, at + mutation.length), bytes.subarray(at)]);
        break;
    }
  }
  return bytes;
}
