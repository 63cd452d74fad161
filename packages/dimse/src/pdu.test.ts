import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type AssociateAc,
  type AssociateRq,
  type ControlPdu,
  decodePdu,
  encodePdu,
  PDU_HEADER_LENGTH,
} from './pdu.ts';
import { ProtocolError } from './protocol-error.ts';
import { bytes } from './testing/bytes.ts';
import { anyMutation, mutate } from './testing/mutation.ts';

/** Verification in implicit VR little endian, asked for by ECHOSCU of ANY-SCP. */
const associateRq = bytes(`
  01 00 000000cf                      -- A-ASSOCIATE-RQ, reserved, length 207
  0001 0000                           -- protocol version 1, reserved
  'ANY-SCP         '                  -- called AE title
  'ECHOSCU         '                  -- calling AE title
  ${'00'.repeat(32)}                  -- reserved
  10 00 0015 '1.2.840.10008.3.1.1.1'  -- application context
  20 00 002e 01 00 00 00              -- presentation context 1
  30 00 0011 '1.2.840.10008.1.1'      -- abstract syntax
  40 00 0011 '1.2.840.10008.1.2'      -- transfer syntax
  50 00 003c                          -- user information
  51 00 0004 00004000                 -- maximum length 16384
  52 00 0015 '1.2.826.0.1.3680043.9'  -- implementation class UID
  54 00 0007 0003 '1.2' 01 00         -- role selection: SCU, not SCP
  55 00 000c 'PYNETDICOM_3'           -- implementation version name
`);

const decodedRq: AssociateRq = {
  type: 'A-ASSOCIATE-RQ',
  protocolVersion: 1,
  calledAeTitle: 'ANY-SCP',
  callingAeTitle: 'ECHOSCU',
  applicationContext: '1.2.840.10008.3.1.1.1',
  contexts: [{ id: 1, abstractSyntax: '1.2.840.10008.1.1', transferSyntaxes: ['1.2.840.10008.1.2'] }],
  userInformation: {
    maximumLength: 16384,
    implementationClassUid: '1.2.826.0.1.3680043.9',
    implementationVersionName: 'PYNETDICOM_3',
    roles: [{ sopClassUid: '1.2', scu: true, scp: false }],
  },
};

const associateAc = bytes(`
  02 00 00000099                      -- A-ASSOCIATE-AC, reserved, length 153
  0001 0000                           -- protocol version 1, reserved
  'ANY-SCP         '
  'ECHOSCU         '
  ${'00'.repeat(32)}
  10 00 0015 '1.2.840.10008.3.1.1.1'
  21 00 0019 01 00 00 00              -- presentation context 1: acceptance
  40 00 0011 '1.2.840.10008.1.2'
  21 00 0008 03 00 03 00              -- presentation context 3: abstract syntax not supported
  40 00 0000                          -- not significant
  50 00 000f                          -- user information
  51 00 0004 00000000                 -- maximum length: no limit
  52 00 0003 '1.2'
`);

const decodedAc: AssociateAc = {
  type: 'A-ASSOCIATE-AC',
  protocolVersion: 1,
  calledAeTitle: 'ANY-SCP',
  callingAeTitle: 'ECHOSCU',
  applicationContext: '1.2.840.10008.3.1.1.1',
  contexts: [
    { id: 1, result: 0, transferSyntax: '1.2.840.10008.1.2' },
    { id: 3, result: 3, transferSyntax: '' },
  ],
  userInformation: { maximumLength: 0, implementationClassUid: '1.2', roles: [] },
};

const fixtures: [name: string, encoded: Buffer, decoded: ControlPdu][] = [
  ['A-ASSOCIATE-RQ', associateRq, decodedRq],
  ['A-ASSOCIATE-AC', associateAc, decodedAc],
  [
    'A-ASSOCIATE-RJ: permanently, by the service user, called AE title not recognised',
    bytes('03 00 00000004 00 01 01 07'),
    { type: 'A-ASSOCIATE-RJ', result: 1, source: 1, reason: 7 },
  ],
  ['A-RELEASE-RQ', bytes('05 00 00000004 00000000'), { type: 'A-RELEASE-RQ' }],
  ['A-RELEASE-RP', bytes('06 00 00000004 00000000'), { type: 'A-RELEASE-RP' }],
  [
    'A-ABORT: by the service provider, unexpected PDU',
    bytes('07 00 00000004 00 00 02 02'),
    { type: 'A-ABORT', source: 2, reason: 2 },
  ],
];

function decode(pdu: Buffer): ControlPdu {
  return decodePdu(pdu[0]!, pdu.subarray(PDU_HEADER_LENGTH));
}

describe.each(fixtures)('%s', (_name, encoded, decoded) => {
  test('is decoded', () => {
    expect(decode(encoded)).toEqual(decoded);
  });

  test('is encoded', () => {
    expect(encodePdu(decoded).toString('hex')).toBe(encoded.toString('hex'));
  });

  test('is refused when cut off anywhere', () => {
    for (let length = PDU_HEADER_LENGTH; length < encoded.length; length++) {
      const cut = encoded.subarray(0, length);
      // A cut between two items leaves a shorter, well-formed list of them.
      try {
        expect(decode(cut)).not.toEqual(decoded);
      } catch (error) {
        expect(error).toBeInstanceOf(ProtocolError);
      }
    }
  });
});

const uid = fc.stringMatching(/^[0-9]{1,4}(\.[0-9]{1,6}){1,6}$/);
const aeTitle = fc.stringMatching(/^[A-Za-z0-9_]([A-Za-z0-9_ -]{0,14}[A-Za-z0-9_])?$/);
const byte = fc.integer({ min: 0, max: 255 });
const oddId = fc.integer({ min: 0, max: 127 }).map((index) => 2 * index + 1);
const userInformation = fc.record(
  {
    maximumLength: fc.integer({ min: 0, max: 0xffffffff }),
    implementationClassUid: uid,
    implementationVersionName: fc.stringMatching(/^[A-Z0-9_]{1,16}$/),
    roles: fc.array(fc.record({ sopClassUid: uid, scu: fc.boolean(), scp: fc.boolean() })),
    userIdentity: fc.record({
      type: fc.integer({ min: 1, max: 5 }),
      responseRequested: fc.boolean(),
      // Names beyond U+00FF among them: the bytes are kept whatever they mean.
      primary: fc.string({ unit: 'grapheme' }).map((text) => new TextEncoder().encode(text)),
      secondary: fc.uint8Array(),
    }),
    userIdentityResponse: fc.uint8Array(),
    asynchronousOperations: fc.record({
      invoked: fc.integer({ min: 0, max: 0xffff }),
      performed: fc.integer({ min: 0, max: 0xffff }),
    }),
    extendedNegotiation: fc.array(fc.record({ sopClassUid: uid, information: fc.uint8Array() }), {
      minLength: 1,
    }),
  },
  { requiredKeys: ['maximumLength', 'implementationClassUid', 'roles'] },
);
const associate = {
  protocolVersion: fc.integer({ min: 0, max: 0xffff }),
  calledAeTitle: aeTitle,
  callingAeTitle: aeTitle,
  applicationContext: uid,
  userInformation,
};
const anyPdu = fc.oneof(
  fc.record({
    type: fc.constant('A-ASSOCIATE-RQ' as const),
    ...associate,
    contexts: fc.uniqueArray(fc.record({ id: oddId, abstractSyntax: uid, transferSyntaxes: fc.array(uid) }), {
      selector: ({ id }) => id,
    }),
  }),
  fc.record({
    type: fc.constant('A-ASSOCIATE-AC' as const),
    ...associate,
    contexts: fc.array(fc.record({ id: oddId, result: byte, transferSyntax: uid })),
  }),
  fc.record({ type: fc.constant('A-ASSOCIATE-RJ' as const), result: byte, source: byte, reason: byte }),
  fc.record({ type: fc.constant('A-ABORT' as const), source: byte, reason: byte }),
  fc.constantFrom({ type: 'A-RELEASE-RQ' as const }, { type: 'A-RELEASE-RP' as const }),
);

test('every PDU survives encoding and decoding', () => {
  fc.assert(
    fc.property(anyPdu, (pdu) => {
      expect(decode(encodePdu(pdu))).toEqual(pdu);
    }),
  );
});

test('bytes that are no PDU are refused, never read beyond their end', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 255 }), fc.uint8Array({ maxLength: 400 }), (type, body) => {
      try {
        decodePdu(type, Buffer.from(body));
      } catch (error) {
        expect(error).toBeInstanceOf(ProtocolError);
      }
    }),
  );
});

test('items that nobody knows are skipped', () => {
  const body = Buffer.concat([associateRq.subarray(PDU_HEADER_LENGTH), bytes("99 00 0003 'abc'")]);
  expect(decodePdu(1, body)).toEqual(decodedRq);
});

test('an even presentation context id is refused', () => {
  const pdu = Buffer.from(associateRq);
  pdu[pdu.indexOf(bytes('20 00 002e')) + 4] = 2;
  expect(() => decode(pdu)).toThrow(/context id 2 is not odd/);
});

test('AE titles keep their inner spaces and underscores and lose those around them', () => {
  const pdu = encodePdu({ ...decodedRq, calledAeTitle: 'MY PACS_1', callingAeTitle: 'A' });
  pdu.write('  A           \0\0', 26, 'latin1');
  expect(decode(pdu)).toMatchObject({ calledAeTitle: 'MY PACS_1', callingAeTitle: 'A' });
});

test('what is read of a spoiled PDU is written as what was read', () => {
  fc.assert(
    fc.property(anyPdu, fc.array(anyMutation, { minLength: 1, maxLength: 3 }), (pdu, mutations) => {
      const spoiled = mutate(encodePdu(pdu), mutations);
      let read: ControlPdu;
      try {
        read = decode(spoiled);
      } catch (error) {
        expect(error).toBeInstanceOf(ProtocolError);
        return;
      }
      expect(decode(encodePdu(read))).toEqual(read);
    }),
    { numRuns: 300 },
  );
});
