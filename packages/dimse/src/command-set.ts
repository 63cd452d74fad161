import { AbortReason, ProtocolError } from './protocol-error.ts';

/** Command Field (0000,0100) (PS3.7 §E.1). A response has the request's value with the highest bit set. */
export const CommandField = {
  cStoreRq: 0x0001,
  cStoreRsp: 0x8001,
  cGetRq: 0x0010,
  cGetRsp: 0x8010,
  cFindRq: 0x0020,
  cFindRsp: 0x8020,
  cMoveRq: 0x0021,
  cMoveRsp: 0x8021,
  cEchoRq: 0x0030,
  cEchoRsp: 0x8030,
  nEventReportRq: 0x0100,
  nEventReportRsp: 0x8100,
  nActionRq: 0x0130,
  nActionRsp: 0x8130,
  cCancelRq: 0x0fff,
} as const;

export const RESPONSE_BIT = 0x8000;

/** Command Data Set Type (0000,0800) of a message without a data set. */
export const NO_DATA_SET = 0x0101;
/** Any other value says that a data set follows. */
export const DATA_SET_FOLLOWS = 0x0000;

/** Priority (0000,0700). */
export const Priority = { low: 2, medium: 0, high: 1 } as const;

/** The elements of a command set that the services of this package use (PS3.7 §E.1), by their keywords. */
export interface CommandSet {
  affectedSopClassUid?: string;
  requestedSopClassUid?: string;
  commandField: number;
  messageId?: number;
  messageIdBeingRespondedTo?: number;
  moveDestination?: string;
  priority?: number;
  commandDataSetType: number;
  status?: number;
  offendingElement?: number[];
  errorComment?: string;
  affectedSopInstanceUid?: string;
  requestedSopInstanceUid?: string;
  eventTypeId?: number;
  actionTypeId?: number;
  numberOfRemainingSuboperations?: number;
  numberOfCompletedSuboperations?: number;
  numberOfFailedSuboperations?: number;
  numberOfWarningSuboperations?: number;
  moveOriginatorApplicationEntityTitle?: string;
  moveOriginatorMessageId?: number;
  /**
   * Failed SOP Instance UID List (0008,0058). It belongs into the data set of a C-GET response; DCMTK's status detail, and
   * Orthanc with it, puts it here.
   */
  failedSopInstanceUidList?: readonly string[];
}

type EncodedName = Exclude<keyof CommandSet, 'failedSopInstanceUidList'>;

type Kind = 'UI' | 'US' | 'AE' | 'LO' | 'AT';

/** Element numbers in group 0000, ascending as they are sent. */
const ELEMENTS: readonly { element: number; kind: Kind; name: EncodedName }[] = [
  { element: 0x0002, kind: 'UI', name: 'affectedSopClassUid' },
  { element: 0x0003, kind: 'UI', name: 'requestedSopClassUid' },
  { element: 0x0100, kind: 'US', name: 'commandField' },
  { element: 0x0110, kind: 'US', name: 'messageId' },
  { element: 0x0120, kind: 'US', name: 'messageIdBeingRespondedTo' },
  { element: 0x0600, kind: 'AE', name: 'moveDestination' },
  { element: 0x0700, kind: 'US', name: 'priority' },
  { element: 0x0800, kind: 'US', name: 'commandDataSetType' },
  { element: 0x0900, kind: 'US', name: 'status' },
  { element: 0x0901, kind: 'AT', name: 'offendingElement' },
  { element: 0x0902, kind: 'LO', name: 'errorComment' },
  { element: 0x1000, kind: 'UI', name: 'affectedSopInstanceUid' },
  { element: 0x1001, kind: 'UI', name: 'requestedSopInstanceUid' },
  { element: 0x1002, kind: 'US', name: 'eventTypeId' },
  { element: 0x1008, kind: 'US', name: 'actionTypeId' },
  { element: 0x1020, kind: 'US', name: 'numberOfRemainingSuboperations' },
  { element: 0x1021, kind: 'US', name: 'numberOfCompletedSuboperations' },
  { element: 0x1022, kind: 'US', name: 'numberOfFailedSuboperations' },
  { element: 0x1023, kind: 'US', name: 'numberOfWarningSuboperations' },
  { element: 0x1030, kind: 'AE', name: 'moveOriginatorApplicationEntityTitle' },
  { element: 0x1031, kind: 'US', name: 'moveOriginatorMessageId' },
];

const FAILED_SOP_INSTANCE_UID_LIST = 0x00080058;

const BY_ELEMENT = new Map(ELEMENTS.map((one) => [one.element, one]));

/** Group (2), element (2), length (4): command sets are implicit VR little endian (PS3.7 §6.3.1). */
const ELEMENT_HEADER_LENGTH = 8;
/** The group length element (0000,0000) with its value. */
const GROUP_LENGTH_LENGTH = ELEMENT_HEADER_LENGTH + 4;

/** Encodes a command set with its group length. */
export function encodeCommandSet(command: CommandSet): Buffer {
  const buffer = Buffer.alloc(encodedLength(command));
  buffer.writeUInt32LE(4, 4);
  buffer.writeUInt32LE(buffer.length - GROUP_LENGTH_LENGTH, 8);
  let offset = GROUP_LENGTH_LENGTH;
  for (const { element, kind, name } of ELEMENTS) {
    const value = command[name];
    if (value === undefined) continue;
    const length = valueLength(value);
    buffer.writeUInt16LE(element, offset + 2);
    buffer.writeUInt32LE(length, offset + 4);
    offset += ELEMENT_HEADER_LENGTH;
    if (typeof value === 'number') {
      buffer.writeUInt16LE(value, offset);
    } else if (typeof value === 'string') {
      buffer.write(value, offset, 'latin1');
      // UIDs are padded with NUL, texts with a space (PS3.5 §6.2).
      if (value.length < length) buffer[offset + value.length] = kind === 'UI' ? 0x00 : 0x20;
    } else {
      value.forEach((tag, index) => {
        buffer.writeUInt16LE(tag >>> 16, offset + 4 * index);
        buffer.writeUInt16LE(tag & 0xffff, offset + 4 * index + 2);
      });
    }
    offset += length;
  }
  return buffer;
}

function encodedLength(command: CommandSet): number {
  let length = GROUP_LENGTH_LENGTH;
  for (const { name } of ELEMENTS) {
    const value = command[name];
    if (value !== undefined) length += ELEMENT_HEADER_LENGTH + valueLength(value);
  }
  return length;
}

function valueLength(value: string | number | number[]): number {
  if (typeof value === 'number') return 2;
  if (typeof value === 'string') return value.length + (value.length % 2);
  return 4 * value.length;
}

/**
 * Decodes a command set. Elements that no service here has a use for are skipped. Throws `ProtocolError` where it is malformed or
 * lacks a Command Field.
 */
export function decodeCommandSet(bytes: Buffer): CommandSet {
  const found: Record<string, string | number | readonly (number | string)[]> = {
    commandDataSetType: NO_DATA_SET,
  };
  let offset = 0;
  while (offset < bytes.length) {
    if (bytes.length - offset < ELEMENT_HEADER_LENGTH) throw malformed('ends within an element');
    const group = bytes.readUInt16LE(offset);
    const element = bytes.readUInt16LE(offset + 2);
    const start = offset + ELEMENT_HEADER_LENGTH;
    const end = start + bytes.readUInt32LE(offset + 4);
    if (end > bytes.length) throw malformed('has an element that is longer than itself');
    const known = group === 0 ? BY_ELEMENT.get(element) : undefined;
    if (known && end > start) found[known.name] = decodeValue(known.kind, bytes, start, end);
    else if (group * 0x10000 + element === FAILED_SOP_INSTANCE_UID_LIST) {
      found.failedSopInstanceUidList = text(bytes, start, end)
        .split('\\')
        .filter((uid) => uid !== '');
    }
    offset = end;
  }
  if (found.commandField === undefined) throw malformed('has no Command Field (0000,0100)');
  return found as unknown as CommandSet;
}

/** The value lies from `start` to `end`. Of each match of a query some are read, so that no views are made of them. */
function decodeValue(kind: Kind, bytes: Buffer, start: number, end: number): string | number | number[] {
  if (kind === 'US') {
    if (end - start < 2) throw malformed('has a number of one byte');
    return bytes.readUInt16LE(start);
  }
  if (kind === 'AT') {
    const tags: number[] = [];
    for (let at = start; at + 4 <= end; at += 4) {
      tags.push(bytes.readUInt16LE(at) * 0x10000 + bytes.readUInt16LE(at + 2));
    }
    return tags;
  }
  return text(bytes, start, end);
}

function text(bytes: Buffer, start: number, end: number): string {
  const value = bytes.toString('latin1', start, end);
  return (value.includes('\0') ? value.replaceAll('\0', ' ') : value).trim();
}

function malformed(what: string): ProtocolError {
  return new ProtocolError(AbortReason.invalidParameterValue, `a command set ${what}`);
}

/** Does a data set follow this command set? */
export function hasDataSet(command: CommandSet): boolean {
  return command.commandDataSetType !== NO_DATA_SET;
}

/** Is this the answer to a request? */
export function isResponse(command: CommandSet): boolean {
  return (command.commandField & RESPONSE_BIT) !== 0;
}
