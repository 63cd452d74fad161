import { AbortReason, ProtocolError } from './protocol-error.ts';

/** PDU types (PS3.8 §9.3.1). */
export const PduType = {
  associateRq: 0x01,
  associateAc: 0x02,
  associateRj: 0x03,
  data: 0x04,
  releaseRq: 0x05,
  releaseRp: 0x06,
  abort: 0x07,
} as const;

/** PDU type (1), reserved (1), length (4). */
export const PDU_HEADER_LENGTH = 6;
/** PDV item length (4), presentation context id (1), message control header (1). */
export const PDV_HEADER_LENGTH = 6;

/** Bits of the message control header (PS3.8 §E.2). */
export const PDV_COMMAND = 0x01;
export const PDV_LAST = 0x02;

/** DICOM Application Context Name (PS3.7 §A.2.1). */
export const APPLICATION_CONTEXT = '1.2.840.10008.3.1.1.1';

/** A proposed presentation context (PS3.8 §9.3.2.2). */
export interface PresentationContextProposal {
  /** Odd, 1 to 255. */
  id: number;
  abstractSyntax: string;
  transferSyntaxes: readonly string[];
}

/** Results of the negotiation of one presentation context (PS3.8 Table 9-18). */
export const ContextResult = {
  acceptance: 0,
  userRejection: 1,
  noReason: 2,
  abstractSyntaxNotSupported: 3,
  transferSyntaxesNotSupported: 4,
} as const;

/** The answer to a proposed presentation context (PS3.8 §9.3.3.2). */
export interface PresentationContextResult {
  id: number;
  result: number;
  /** Not significant unless `result` is acceptance. */
  transferSyntax: string;
}

/** SCP/SCU Role Selection (PS3.7 §D.3.3.4). */
export interface RoleSelection {
  sopClassUid: string;
  /** The requestor may act as SCU. */
  scu: boolean;
  /** The requestor may act as SCP. */
  scp: boolean;
}

/** User Identity (PS3.7 §D.3.3.7): kept as the bytes they are, for the field's encoding depends on its type. */
export interface UserIdentityItem {
  type: number;
  responseRequested: boolean;
  primary: Uint8Array;
  secondary: Uint8Array;
}

/** SOP Class Extended Negotiation (PS3.7 §D.3.3.5): what its bytes mean is the service class's affair. */
export interface ExtendedNegotiation {
  sopClassUid: string;
  information: Uint8Array;
}

/** User Information (PS3.8 §9.3.2.3 and PS3.7 §D.3.3), as far as this package understands it. */
export interface UserInformation {
  /** Longest P-DATA-TF PDU its sender wants to get, without the PDU header; 0 is no limit (PS3.8 §D.1). */
  maximumLength: number;
  implementationClassUid: string;
  implementationVersionName?: string;
  roles: readonly RoleSelection[];
  /** Asynchronous Operations Window (PS3.7 §D.3.3.3): of the requestor's operations, in request and answer; 0 is no limit. */
  asynchronousOperations?: { invoked: number; performed: number };
  extendedNegotiation?: readonly ExtendedNegotiation[];
  /** Of a request. */
  userIdentity?: UserIdentityItem;
  /** Of an answer to a request that wanted one (PS3.7 §D.3.3.7.2): the server's response, empty for some types. */
  userIdentityResponse?: Uint8Array;
}

export interface AssociateRq {
  type: 'A-ASSOCIATE-RQ';
  protocolVersion: number;
  calledAeTitle: string;
  callingAeTitle: string;
  applicationContext: string;
  contexts: readonly PresentationContextProposal[];
  userInformation: UserInformation;
}

export interface AssociateAc {
  type: 'A-ASSOCIATE-AC';
  protocolVersion: number;
  calledAeTitle: string;
  callingAeTitle: string;
  applicationContext: string;
  contexts: readonly PresentationContextResult[];
  userInformation: UserInformation;
}

/** See PS3.8 Table 9-21; words for it are in `reject-reason.ts`. */
export interface AssociateRj {
  type: 'A-ASSOCIATE-RJ';
  result: number;
  source: number;
  reason: number;
}

export interface ReleaseRq {
  type: 'A-RELEASE-RQ';
}

export interface ReleaseRp {
  type: 'A-RELEASE-RP';
}

/** Source 0 is the service user, 2 the service provider; `reason` matters for the provider only (PS3.8 §9.3.8). */
export interface Abort {
  type: 'A-ABORT';
  source: number;
  reason: number;
}

/** Every PDU but P-DATA-TF, which `PduReader` hands on in pieces and `PdvWriter` frames. */
export type ControlPdu = AssociateRq | AssociateAc | AssociateRj | ReleaseRq | ReleaseRp | Abort;

const ItemType = {
  applicationContext: 0x10,
  contextProposal: 0x20,
  contextResult: 0x21,
  abstractSyntax: 0x30,
  transferSyntax: 0x40,
  userInformation: 0x50,
  maximumLength: 0x51,
  implementationClassUid: 0x52,
  asynchronousOperations: 0x53,
  roleSelection: 0x54,
  implementationVersionName: 0x55,
  extendedNegotiation: 0x56,
  userIdentity: 0x58,
  userIdentityResponse: 0x59,
} as const;

/** Protocol version (2), reserved (2), called AE title (16), calling AE title (16), reserved (32). */
const ASSOCIATE_FIXED_LENGTH = 68;

// Encoding

export function encodePdu(pdu: ControlPdu): Buffer {
  switch (pdu.type) {
    case 'A-ASSOCIATE-RQ':
      return encodeAssociate(
        PduType.associateRq,
        pdu,
        pdu.contexts.map((context) =>
          item(ItemType.contextProposal, [
            Buffer.from([context.id, 0, 0, 0]),
            item(ItemType.abstractSyntax, [ascii(context.abstractSyntax)]),
            ...context.transferSyntaxes.map((uid) => item(ItemType.transferSyntax, [ascii(uid)])),
          ]),
        ),
      );
    case 'A-ASSOCIATE-AC':
      return encodeAssociate(
        PduType.associateAc,
        pdu,
        pdu.contexts.map((context) =>
          item(ItemType.contextResult, [
            Buffer.from([context.id, 0, context.result, 0]),
            item(ItemType.transferSyntax, [ascii(context.transferSyntax)]),
          ]),
        ),
      );
    case 'A-ASSOCIATE-RJ':
      return fourByteBody(PduType.associateRj, 0, pdu.result, pdu.source, pdu.reason);
    case 'A-RELEASE-RQ':
      return fourByteBody(PduType.releaseRq, 0, 0, 0, 0);
    case 'A-RELEASE-RP':
      return fourByteBody(PduType.releaseRp, 0, 0, 0, 0);
    case 'A-ABORT':
      return fourByteBody(PduType.abort, 0, 0, pdu.source, pdu.reason);
  }
}

function fourByteBody(type: number, a: number, b: number, c: number, d: number): Buffer {
  return Buffer.from([type, 0, 0, 0, 0, 4, a, b, c, d]);
}

function encodeAssociate(type: number, pdu: AssociateRq | AssociateAc, contexts: Buffer[]): Buffer {
  const fixed = Buffer.alloc(PDU_HEADER_LENGTH + ASSOCIATE_FIXED_LENGTH);
  fixed[0] = type;
  fixed.writeUInt16BE(pdu.protocolVersion, 6);
  fixed.write(pdu.calledAeTitle.padEnd(16), 10, 16, 'latin1');
  fixed.write(pdu.callingAeTitle.padEnd(16), 26, 16, 'latin1');
  const whole = Buffer.concat([
    fixed,
    item(ItemType.applicationContext, [ascii(pdu.applicationContext)]),
    ...contexts,
    encodeUserInformation(pdu.userInformation),
  ]);
  whole.writeUInt32BE(whole.length - PDU_HEADER_LENGTH, 2);
  return whole;
}

function encodeUserInformation(information: UserInformation): Buffer {
  const maximumLength = Buffer.alloc(4);
  maximumLength.writeUInt32BE(information.maximumLength);
  const items = [
    item(ItemType.maximumLength, [maximumLength]),
    item(ItemType.implementationClassUid, [ascii(information.implementationClassUid)]),
    ...(information.asynchronousOperations ? [encodeWindow(information.asynchronousOperations)] : []),
    ...information.roles.map((role) =>
      item(ItemType.roleSelection, [
        twoBytes(role.sopClassUid.length),
        ascii(role.sopClassUid),
        Buffer.from([Number(role.scu), Number(role.scp)]),
      ]),
    ),
  ];
  if (information.implementationVersionName !== undefined) {
    items.push(item(ItemType.implementationVersionName, [ascii(information.implementationVersionName)]));
  }
  for (const { sopClassUid, information: bytes } of information.extendedNegotiation ?? []) {
    items.push(item(ItemType.extendedNegotiation, [twoBytes(sopClassUid.length), ascii(sopClassUid), bytes]));
  }
  const identity = information.userIdentity;
  if (identity) {
    items.push(
      item(ItemType.userIdentity, [
        Buffer.from([identity.type, Number(identity.responseRequested)]),
        twoBytes(identity.primary.length),
        identity.primary,
        twoBytes(identity.secondary.length),
        identity.secondary,
      ]),
    );
  }
  const response = information.userIdentityResponse;
  if (response) items.push(item(ItemType.userIdentityResponse, [twoBytes(response.length), response]));
  return item(ItemType.userInformation, items);
}

function encodeWindow({ invoked, performed }: { invoked: number; performed: number }): Buffer {
  return item(ItemType.asynchronousOperations, [twoBytes(invoked), twoBytes(performed)]);
}

/** Item type (1), reserved (1), length (2), content. */
function item(type: number, content: Uint8Array[]): Buffer {
  const body = Buffer.concat(content);
  if (body.length > 0xffff) throw new RangeError(`Item ${type} of ${body.length} bytes does not fit a PDU`);
  const header = Buffer.from([type, 0, body.length >> 8, body.length & 0xff]);
  return Buffer.concat([header, body]);
}

function twoBytes(value: number): Buffer {
  return Buffer.from([value >> 8, value & 0xff]);
}

function ascii(text: string): Buffer {
  return Buffer.from(text, 'latin1');
}

// Decoding

/**
 * Decodes the body (all after the PDU header) of a PDU that is not P-DATA-TF. Items this package does not know are
 * skipped, as PS3.8 §9.3.1 asks. Throws `ProtocolError` on anything malformed.
 */
export function decodePdu(type: number, body: Buffer): ControlPdu {
  switch (type) {
    case PduType.associateRq: {
      const { fixed, items } = decodeAssociate(body);
      const contexts: PresentationContextProposal[] = [];
      for (const found of items) {
        if (found.type === ItemType.contextProposal) contexts.push(decodeContextProposal(found.content));
      }
      if (new Set(contexts.map(({ id }) => id)).size < contexts.length) {
        throw new ProtocolError(AbortReason.invalidParameterValue, 'two presentation contexts have one id');
      }
      return { type: 'A-ASSOCIATE-RQ', ...fixed, contexts, userInformation: decodeUserInformation(items) };
    }
    case PduType.associateAc: {
      const { fixed, items } = decodeAssociate(body);
      const contexts: PresentationContextResult[] = [];
      for (const found of items) {
        if (found.type === ItemType.contextResult) contexts.push(decodeContextResult(found.content));
      }
      return { type: 'A-ASSOCIATE-AC', ...fixed, contexts, userInformation: decodeUserInformation(items) };
    }
    case PduType.associateRj:
      need(body, 4);
      return { type: 'A-ASSOCIATE-RJ', result: body[1]!, source: body[2]!, reason: body[3]! };
    case PduType.releaseRq:
      need(body, 4);
      return { type: 'A-RELEASE-RQ' };
    case PduType.releaseRp:
      need(body, 4);
      return { type: 'A-RELEASE-RP' };
    case PduType.abort:
      need(body, 4);
      return { type: 'A-ABORT', source: body[2]!, reason: body[3]! };
    default:
      throw new ProtocolError(AbortReason.unrecognizedPdu, `PDU type ${type} does not exist`);
  }
}

interface Item {
  type: number;
  content: Buffer;
}

function decodeAssociate(body: Buffer) {
  need(body, ASSOCIATE_FIXED_LENGTH);
  const items = decodeItems(body.subarray(ASSOCIATE_FIXED_LENGTH));
  const fixed = {
    protocolVersion: body.readUInt16BE(0),
    calledAeTitle: text(body.subarray(4, 20)),
    callingAeTitle: text(body.subarray(20, 36)),
    applicationContext: textOfItem(items, ItemType.applicationContext) ?? '',
  };
  return { fixed, items };
}

function decodeItems(bytes: Buffer): Item[] {
  const items: Item[] = [];
  let offset = 0;
  while (offset < bytes.length) {
    need(bytes, offset + 4);
    const end = offset + 4 + bytes.readUInt16BE(offset + 2);
    need(bytes, end);
    items.push({ type: bytes[offset]!, content: bytes.subarray(offset + 4, end) });
    offset = end;
  }
  return items;
}

function decodeContextProposal(content: Buffer): PresentationContextProposal {
  need(content, 4);
  const items = decodeItems(content.subarray(4));
  return {
    id: contextId(content),
    abstractSyntax: textOfItem(items, ItemType.abstractSyntax) ?? '',
    transferSyntaxes: items
      .filter((found) => found.type === ItemType.transferSyntax)
      .map((found) => text(found.content)),
  };
}

function decodeContextResult(content: Buffer): PresentationContextResult {
  need(content, 4);
  const items = decodeItems(content.subarray(4));
  return {
    id: contextId(content),
    result: content[2]!,
    transferSyntax: textOfItem(items, ItemType.transferSyntax) ?? '',
  };
}

function contextId(content: Buffer): number {
  const id = content[0]!;
  if (id % 2 === 0) {
    throw new ProtocolError(AbortReason.invalidParameterValue, `presentation context id ${id} is not odd`);
  }
  return id;
}

function decodeUserInformation(items: Item[]): UserInformation {
  const found = items.find((candidate) => candidate.type === ItemType.userInformation);
  const parts = found ? decodeItems(found.content) : [];
  const maximumLength = parts.find((part) => part.type === ItemType.maximumLength)?.content;
  if (maximumLength) need(maximumLength, 4);
  const information: UserInformation = {
    maximumLength: maximumLength?.readUInt32BE(0) ?? 0,
    implementationClassUid: textOfItem(parts, ItemType.implementationClassUid) ?? '',
    roles: parts
      .filter((part) => part.type === ItemType.roleSelection)
      .map((part) => decodeRole(part.content)),
  };
  const versionName = textOfItem(parts, ItemType.implementationVersionName);
  if (versionName !== undefined) information.implementationVersionName = versionName;
  const identity = parts.find((part) => part.type === ItemType.userIdentity);
  if (identity) information.userIdentity = decodeUserIdentity(identity.content);
  const response = parts.find((part) => part.type === ItemType.userIdentityResponse);
  if (response) information.userIdentityResponse = decodeUserIdentityResponse(response.content);
  const window = parts.find((part) => part.type === ItemType.asynchronousOperations);
  if (window) {
    need(window.content, 4);
    const [invoked, performed] = [window.content.readUInt16BE(0), window.content.readUInt16BE(2)];
    information.asynchronousOperations = { invoked, performed };
  }
  const extended = parts.filter((part) => part.type === ItemType.extendedNegotiation);
  if (extended.length > 0) {
    information.extendedNegotiation = extended.map((part) => decodeExtendedNegotiation(part.content));
  }
  return information;
}

function decodeExtendedNegotiation(content: Buffer): ExtendedNegotiation {
  need(content, 2);
  const end = 2 + content.readUInt16BE(0);
  need(content, end);
  return {
    sopClassUid: text(content.subarray(2, end)),
    information: Uint8Array.from(content.subarray(end)),
  };
}

function decodeUserIdentityResponse(content: Buffer): Uint8Array {
  need(content, 2);
  const end = 2 + content.readUInt16BE(0);
  need(content, end);
  return Uint8Array.from(content.subarray(2, end));
}

function decodeRole(content: Buffer): RoleSelection {
  need(content, 2);
  const length = content.readUInt16BE(0);
  need(content, 2 + length + 2);
  return {
    sopClassUid: text(content.subarray(2, 2 + length)),
    scu: content[2 + length] === 1,
    scp: content[3 + length] === 1,
  };
}

function decodeUserIdentity(content: Buffer): UserIdentityItem {
  need(content, 4);
  const primaryEnd = 4 + content.readUInt16BE(2);
  need(content, primaryEnd + 2);
  const secondaryEnd = primaryEnd + 2 + content.readUInt16BE(primaryEnd);
  need(content, secondaryEnd);
  return {
    type: content[0]!,
    responseRequested: content[1] === 1,
    primary: Uint8Array.from(content.subarray(4, primaryEnd)),
    secondary: Uint8Array.from(content.subarray(primaryEnd + 2, secondaryEnd)),
  };
}

function textOfItem(items: Item[], type: number): string | undefined {
  const found = items.find((candidate) => candidate.type === type);
  return found && text(found.content);
}

/** AE titles and UIDs: spaces around them and padding NULs do not count (PS3.8 §9.3.2, Annex F). */
function text(bytes: Buffer): string {
  return bytes.toString('latin1').replaceAll('\0', ' ').trim();
}

function need(bytes: Buffer, length: number): void {
  if (bytes.length < length) {
    throw new ProtocolError(AbortReason.invalidParameterValue, 'an item is longer than the PDU it is in');
  }
}
