import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { encodePdu } from './pdu.ts';
import { MAXIMUM_CONTROL_PDU_LENGTH, PduReader } from './pdu-reader.ts';
import { AbortReason, ProtocolError } from './protocol-error.ts';
import { bytes } from './testing/bytes.ts';

/** Reads chunks and gives what came out: PDUs by type, values put together by fragment. */
function read(chunks: readonly Uint8Array[], maximumDataLength = 65536) {
  const events: unknown[] = [];
  let open: { context: number; control: number; data: Buffer[] } | undefined;
  const reader = new PduReader(
    {
      onPdu: (pdu) => events.push(pdu.type),
      onData: () => events.push('P-DATA-TF'),
      onFragment: (context, control, data, complete) => {
        open ??= { context, control, data: [] };
        expect({ context, control }).toEqual({ context: open.context, control: open.control });
        open.data.push(Buffer.from(data));
        if (!complete) return;
        events.push({ context, control, data: Buffer.concat(open.data).toString('hex') });
        open = undefined;
      },
    },
    maximumDataLength,
  );
  for (const chunk of chunks) reader.push(chunk);
  return { events, reader };
}

function abortReason(chunks: readonly Uint8Array[]): AbortReason {
  try {
    read(chunks);
  } catch (error) {
    expect(error).toBeInstanceOf(ProtocolError);
    return (error as ProtocolError).reason;
  }
  throw new Error('was accepted');
}

const stream = Buffer.concat([
  bytes(`
    04 00 00000017                       -- P-DATA-TF of 23 bytes with two values
    00000006 01 03 aabbccdd              -- context 1, command, last
    00000009 01 00 01020304050607        -- context 1, data set, more to come
    04 00 00000006
    00000002 01 02                       -- context 1, data set, last, empty
  `),
  encodePdu({ type: 'A-RELEASE-RQ' }),
  encodePdu({ type: 'A-ABORT', source: 0, reason: 0 }),
]);

const expected = [
  'P-DATA-TF',
  { context: 1, control: 3, data: 'aabbccdd' },
  { context: 1, control: 0, data: '01020304050607' },
  'P-DATA-TF',
  { context: 1, control: 2, data: '' },
  'A-RELEASE-RQ',
  'A-ABORT',
];

test('a PDU may hold several values and a value may go over several PDUs', () => {
  expect(read([stream]).events).toEqual(expected);
});

test('chunks may be cut anywhere', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: stream.length })), (cuts) => {
      const places = [0, ...cuts.sort((a, b) => a - b), stream.length];
      const chunks = places.slice(1).map((end, index) => stream.subarray(places[index], end));
      expect(read(chunks).events).toEqual(expected);
    }),
  );
  expect(read([...stream].map((byte) => Buffer.from([byte]))).events).toEqual(expected);
});

test('pieces of a value are views of the chunk, not copies', () => {
  const chunk = stream.subarray(0);
  const pieces: Uint8Array[] = [];
  const reader = new PduReader(
    {
      onPdu: () => undefined,
      onData: () => undefined,
      onFragment: (_context, _control, data) => pieces.push(data),
    },
    65536,
  );
  reader.push(chunk);
  expect(pieces[0]!.buffer).toBe(chunk.buffer);
});

test('knows when it is in the middle of a PDU', () => {
  expect(read([stream.subarray(0, 29)]).reader.midPdu).toBe(false);
  expect(read([stream.subarray(0, 1)]).reader.midPdu).toBe(true);
  expect(read([stream.subarray(0, 20)]).reader.midPdu).toBe(true);
});

test('throws away everything once it is stopped', () => {
  const { events, reader } = read([stream.subarray(0, 29)]);
  reader.stop();
  reader.push(stream.subarray(29));
  expect(events).toHaveLength(3);
});

describe('refuses', () => {
  test.each([
    ['00 00 00000000'],
    ['08 00 00000004 00000000'],
    ['ff 00 00000000'],
    ["'GET / HTTP/1.1'"],
    ['16 03 01 02 00 01 00 01 fc'], // TLS ClientHello
  ])('%s as no PDU', (text) => {
    expect(abortReason([bytes(text)])).toBe(AbortReason.unrecognizedPdu);
  });

  test.each([
    ['a data PDU of 4 GB', '04 00 ffffffff'],
    ['an association request of 4 GB', '01 00 ffffffff'],
    [
      'an association request over the limit',
      `01 00 ${(MAXIMUM_CONTROL_PDU_LENGTH + 1).toString(16).padStart(8, '0')}`,
    ],
    ['a release request of 5 bytes', '05 00 00000005'],
    ['an abort of 0 bytes', '07 00 00000000'],
    ['a data PDU above what was announced', '04 00 00010041'],
    ['a value that is longer than its PDU', '04 00 0000000a 00000007 01 03'],
    ['a value too short for its headers', '04 00 0000000a 00000001 01 03'],
    ['a data PDU with a rest that is no value', '04 00 00000008 00000002 01 03 0000'],
    ['a data PDU that is no value at all', '04 00 00000005'],
  ])('%s', (_what, text) => {
    expect(abortReason([bytes(text)])).toBe(AbortReason.invalidParameterValue);
  });
});

test('a length field alone allocates nothing', () => {
  const { reader } = read([bytes('01 00 000ffff0')]);
  const before = process.memoryUsage().arrayBuffers;
  for (let at = 0; at < 1000; at++) reader.push(Buffer.from([0]));
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(512 * 1024);
});
