import fc from 'fast-check';
import { expect, test } from 'vitest';
import { PduReader } from './pdu-reader.ts';
import { BATCH_LENGTH, frameMessage, maximumFragmentLength, PdvFramer } from './pdv-framer.ts';

interface Value {
  command: boolean;
  last: boolean;
  data: Buffer;
}

/** Reads framed bytes back, holding every PDU to the limit. */
function read(framed: readonly Uint8Array[], maximumLength: number): Value[] {
  const values: Value[] = [];
  let pieces: Buffer[] = [];
  const reader = new PduReader(
    {
      onPdu: () => expect.unreachable(),
      onData: () => undefined,
      onFragment: (contextId, control, data, complete) => {
        expect(contextId).toBe(5);
        pieces.push(Buffer.from(data));
        if (!complete) return;
        const whole = Buffer.concat(pieces);
        expect(whole.length + 6).toBeLessThanOrEqual(maximumLength);
        values.push({ command: (control & 1) !== 0, last: (control & 2) !== 0, data: whole });
        pieces = [];
      },
    },
    BATCH_LENGTH,
  );
  for (const batch of framed) reader.push(batch);
  expect(reader.midPdu).toBe(false);
  return values;
}

/** What a message of a command and chunks of data is framed to. */
function frame(command: Uint8Array, chunks: readonly Uint8Array[], maximumLength: number): Buffer[] {
  const batches: Buffer[] = [];
  const framer = new PdvFramer(5, maximumFragmentLength(maximumLength));
  framer.command(command);
  for (const chunk of chunks) {
    let at = framer.append(chunk, 0);
    while (at < chunk.length) {
      batches.push(Buffer.concat(framer.take().parts));
      at = framer.append(chunk, at);
    }
  }
  framer.end();
  batches.push(Buffer.concat(framer.take().parts));
  return batches;
}

/** What a message becomes whose data set is read straight into its place. */
function fill(command: Uint8Array, data: Uint8Array, maximumLength: number): Buffer[] {
  const batches: Buffer[] = [];
  const framer = new PdvFramer(5, maximumFragmentLength(maximumLength));
  framer.command(command);
  for (let at = 0; at < data.length; ) {
    for (const place of framer.reserve(data.length - at)) {
      place.set(data.subarray(at, at + place.length));
      at += place.length;
    }
    batches.push(Buffer.concat(framer.take().parts));
  }
  return batches;
}

function checkMessage(values: readonly Value[], command: Uint8Array, data: Uint8Array): void {
  const commands = values.filter((value) => value.command);
  const datasets = values.filter((value) => !value.command);
  expect(values.slice(0, commands.length)).toEqual(commands);
  for (const part of [commands, datasets]) {
    expect(part.map((value) => value.last)).toEqual(part.map((_, index) => index === part.length - 1));
    for (const value of part.slice(0, -1)) expect(value.data.length % 2).toBe(0);
  }
  expect(Buffer.concat(commands.map((value) => value.data)).equals(command)).toBe(true);
  expect(Buffer.concat(datasets.map((value) => value.data)).equals(data)).toBe(true);
}

const command = Buffer.alloc(120, 0xcc);

test('messages of any size fit PDUs of any size', () => {
  fc.assert(
    fc.property(
      fc.array(fc.uint8Array({ maxLength: 3000 }), { maxLength: 8 }),
      fc.oneof(fc.integer({ min: 8, max: 200 }), fc.constantFrom(5678, 7890, 16383, 16384, 0)),
      (chunks, maximumLength) => {
        const framed = frame(command, chunks, maximumLength);
        checkMessage(read(framed, maximumLength || BATCH_LENGTH), command, Buffer.concat(chunks));
      },
    ),
  );
});

test.each([5678, 16384, 131072, 4 * 1024 * 1024, 0])(
  'large messages go in batches, at PDUs of %i',
  (maximumLength) => {
    const chunks = Array.from({ length: 9 }, (_, index) => Buffer.alloc(500_001, index));
    const framed = frame(command, chunks, maximumLength);
    expect(framed.length).toBeLessThanOrEqual(6);
    for (const batch of framed) expect(batch.length).toBeLessThanOrEqual(BATCH_LENGTH);
    checkMessage(read(framed, maximumLength || BATCH_LENGTH), command, Buffer.concat(chunks));
  },
);

test('data that end with a batch are marked as the last all the same', () => {
  const room = BATCH_LENGTH - 2 * 12 - command.length;
  const framed = frame(command, [Buffer.alloc(room, 1)], 0);
  expect(framed.map(({ length }) => length)).toEqual([BATCH_LENGTH]);
  checkMessage(read(framed, BATCH_LENGTH), command, Buffer.alloc(room, 1));
});

test('large pieces are sent from where they lie, small ones beside the headers', () => {
  const framer = new PdvFramer(5, maximumFragmentLength(16384));
  const [large, small] = [Buffer.alloc(40_000, 1), Buffer.alloc(100, 2)];
  framer.command(command);
  for (const piece of [small, large, small]) expect(framer.append(piece, 0)).toBe(piece.length);
  framer.end();
  const { parts } = framer.take();
  const views = parts.filter((part) => part.buffer === large.buffer);
  expect(Buffer.concat(views).equals(large)).toBe(true);
  expect(parts.some((part) => part.buffer === small.buffer)).toBe(false);
  checkMessage(read(parts, 16384), command, Buffer.concat([small, large, small]));
});

test('places can be reserved for data that come later, in PDUs of any size', () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ minLength: 2, maxLength: 3000 }).map((data) => data.subarray(data.length % 2)),
      fc.oneof(fc.integer({ min: 8, max: 200 }), fc.constantFrom(5678, 7890, 16383, 16384, 0)),
      (data, maximumLength) => {
        const framed = fill(command, data, maximumLength);
        checkMessage(read(framed, maximumLength || BATCH_LENGTH), command, data);
      },
    ),
  );
});

test.each([4096, 5678, 16384, 131072, 0])(
  'places for large data go in batches, at PDUs of %i',
  (maximumLength) => {
    const room = BATCH_LENGTH - 2 * 12 - command.length;
    for (const length of [room - 2, room, room + 2, 4_500_000]) {
      const data = Buffer.alloc(length, 'The quick brown fox. ');
      const framed = fill(command, data, maximumLength);
      expect(framed.length).toBeLessThanOrEqual(Math.ceil(length / 1e6) + 1);
      for (const batch of framed) expect(batch.length).toBeLessThanOrEqual(BATCH_LENGTH);
      checkMessage(read(framed, maximumLength || BATCH_LENGTH), command, data);
    }
  },
);

test('an empty data set is one empty fragment', () => {
  expect(read(frame(command, [], 0), BATCH_LENGTH)).toEqual([
    { command: true, last: true, data: command },
    { command: false, last: true, data: Buffer.alloc(0) },
  ]);
});

test('small messages are framed whole', () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 500 }),
      fc.integer({ min: 8, max: 100 }),
      (dataset, maximumLength) => {
        const framed = frameMessage(5, maximumFragmentLength(maximumLength), command, dataset);
        checkMessage(read([framed], maximumLength), command, dataset);
      },
    ),
  );
});

test('peers that take next to nothing are known', () => {
  expect(maximumFragmentLength(7)).toBe(0);
  expect(maximumFragmentLength(8)).toBe(2);
  expect(maximumFragmentLength(16383)).toBe(16376);
});
