import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type CommandSet,
  decodeCommandSet,
  encodeCommandSet,
  hasDataSet,
  isResponse,
} from './command-set.ts';
import { ProtocolError } from './protocol-error.ts';
import { bytes } from './testing/bytes.ts';

const fixtures: [name: string, encoded: Buffer, decoded: CommandSet][] = [
  [
    'C-ECHO-RQ',
    bytes(`
      0000 0000 04000000 38000000                 -- group length 56
      0000 0200 12000000 '1.2.840.10008.1.1' 00   -- Affected SOP Class UID, padded with NUL
      0000 0001 02000000 3000                     -- Command Field
      0000 1001 02000000 0700                     -- Message ID 7
      0000 0008 02000000 0101                     -- no data set
    `),
    {
      affectedSopClassUid: '1.2.840.10008.1.1',
      commandField: 0x30,
      messageId: 7,
      commandDataSetType: 0x0101,
    },
  ],
  [
    'C-STORE-RSP with a comment',
    bytes(`
      0000 0000 04000000 46000000                 -- group length 70
      0000 0001 02000000 0180                     -- Command Field
      0000 2001 02000000 ffff                     -- Message ID Being Responded To 65535
      0000 0008 02000000 0101                     -- no data set
      0000 0009 02000000 00a7                     -- Status A700
      0000 0209 0a000000 'disk full '             -- Error Comment, padded with a space
      0000 0010 04000000 '1.2' 00                 -- Affected SOP Instance UID
    `),
    {
      commandField: 0x8001,
      messageIdBeingRespondedTo: 65535,
      commandDataSetType: 0x0101,
      status: 0xa700,
      errorComment: 'disk full',
      affectedSopInstanceUid: '1.2',
    },
  ],
  [
    'C-FIND-RSP with an offending element',
    bytes(`
      0000 0000 04000000 34000000                 -- group length 52
      0000 0001 02000000 2080
      0000 2001 02000000 0100
      0000 0008 02000000 0101
      0000 0009 02000000 00a9                     -- Status A900
      0000 0109 04000000 1000 2000                -- Offending Element (0010,0020)
    `),
    {
      commandField: 0x8020,
      messageIdBeingRespondedTo: 1,
      commandDataSetType: 0x0101,
      status: 0xa900,
      offendingElement: [0x00100020],
    },
  ],
];

describe.each(fixtures)('%s', (_name, encoded, decoded) => {
  test('is decoded', () => {
    expect(decodeCommandSet(encoded)).toEqual(decoded);
  });

  test('is encoded', () => {
    expect(encodeCommandSet(decoded).toString('hex')).toBe(encoded.toString('hex'));
  });
});

const us = fc.integer({ min: 0, max: 0xffff });
const uid = fc.stringMatching(/^[0-9]{1,3}(\.[0-9]{1,5}){1,5}$/);
const text = fc.stringMatching(/^[!-~]([ -~]{0,14}[!-~])?$/);
const anyCommand = fc.record(
  {
    affectedSopClassUid: uid,
    commandField: us,
    messageId: us,
    messageIdBeingRespondedTo: us,
    moveDestination: text,
    priority: us,
    commandDataSetType: us,
    status: us,
    offendingElement: fc.array(fc.integer({ min: 0, max: 0xffffffff }), { minLength: 1 }),
    errorComment: text,
    affectedSopInstanceUid: uid,
    numberOfRemainingSuboperations: us,
    numberOfCompletedSuboperations: us,
    numberOfFailedSuboperations: us,
    numberOfWarningSuboperations: us,
    moveOriginatorApplicationEntityTitle: text,
    moveOriginatorMessageId: us,
  },
  { requiredKeys: ['commandField', 'commandDataSetType'] },
);

test('every command set survives encoding and decoding', () => {
  fc.assert(
    fc.property(anyCommand, (command) => {
      expect(decodeCommandSet(encodeCommandSet(command))).toEqual(command);
    }),
  );
});

test('bytes that are no command set are refused, never read beyond their end', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), (data) => {
      expect(() => decodeCommandSet(Buffer.from(data))).toThrow(ProtocolError);
    }),
  );
});

test.each([
  ['without a Command Field', '0000 1001 02000000 0700'],
  ['with a value longer than itself', '0000 0001 ff000000 3000'],
  ['with a number of one byte', '0000 0001 01000000 30'],
])('refuses a command set %s', (_what, encoded) => {
  expect(() => decodeCommandSet(bytes(encoded))).toThrow(ProtocolError);
});

test('elements that DIMSE-C has no use for are skipped', () => {
  const encoded = bytes(`0000 0001 02000000 3000  0000 0310 04000000 '1.2' 00  0000 2401 02000000 0000`);
  expect(decodeCommandSet(encoded)).toMatchObject({ commandField: 0x30 });
});

test('the list of failed instances is found where Orthanc puts it', () => {
  const encoded = bytes(`
    0000 0001 02000000 1080                     -- C-GET-RSP
    0000 0009 02000000 00b0                     -- Status B000
    0800 0000 04000000 10000000                 -- group length of group 0008
    0800 5800 08000000 '1.2' 5c '1.3' 00        -- Failed SOP Instance UID List
  `);
  expect(decodeCommandSet(encoded)).toMatchObject({
    status: 0xb000,
    failedSopInstanceUidList: ['1.2', '1.3'],
  });
});

test('knows responses, and messages with data sets', () => {
  expect(isResponse({ commandField: 0x8001, commandDataSetType: 0 })).toBe(true);
  expect(isResponse({ commandField: 0x0001, commandDataSetType: 0 })).toBe(false);
  expect(hasDataSet({ commandField: 1, commandDataSetType: 0x0101 })).toBe(false);
  // Anything but 0101 says that a data set follows (PS3.7 §9.3); DCMTK sends 0001, others 0000.
  expect(hasDataSet({ commandField: 1, commandDataSetType: 0x0001 })).toBe(true);
});
