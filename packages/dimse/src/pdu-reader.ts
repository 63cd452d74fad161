import { type ControlPdu, decodePdu, PDU_HEADER_LENGTH, PDV_HEADER_LENGTH, PduType } from './pdu.ts';
import { AbortReason, ProtocolError } from './protocol-error.ts';

/** Where a `PduReader` hands what it reads. */
export interface PduHandler {
  /** A whole PDU other than P-DATA-TF. */
  onPdu(pdu: ControlPdu): void;
  /** The header of a P-DATA-TF PDU has come; its fragments follow. */
  onData(): void;
  /**
   * A piece of a presentation data value, as it came from the connection: a view of the pushed chunk.
   *
   * @param control the message control header (PS3.8 §E.2)
   * @param complete this piece ends the presentation data value
   */
  onFragment(contextId: number, control: number, bytes: Uint8Array, complete: boolean): void;
}

/** Longest A-ASSOCIATE PDU taken: 128 contexts with 60 transfer syntaxes each come to 480 KiB. */
export const MAXIMUM_CONTROL_PDU_LENGTH = 1024 * 1024;

/** Peers that count headers into the length they may send are some bytes off; they are let through. */
const DATA_LENGTH_TOLERANCE = 64;

const Phase = { pduHeader: 0, control: 1, pdvHeader: 2, pdvData: 3 } as const;
type Phase = (typeof Phase)[keyof typeof Phase];

/**
 * Reads PDUs out of chunks of any size. Presentation data are handed on as they come and never put together; only the
 * other PDUs, which are small, are collected.
 */
export class PduReader {
  readonly #handler: PduHandler;
  readonly #maximumDataLength: number;
  #phase: Phase = Phase.pduHeader;
  /** Header of a PDU or PDV that is cut by the end of a chunk. */
  readonly #header = Buffer.alloc(PDU_HEADER_LENGTH);
  #headerFilled = 0;
  #type = 0;
  /** Bytes of the current PDU not yet read. */
  #pduRemaining = 0;
  /** Bytes of the current PDV not yet read. */
  #pdvRemaining = 0;
  #contextId = 0;
  #control = 0;
  #collected: Buffer = Buffer.alloc(0);
  #collectedLength = 0;
  #stopped = false;

  /**
   * @param maximumDataLength longest P-DATA-TF PDU taken (without its header), as announced to the peer
   */
  constructor(handler: PduHandler, maximumDataLength: number) {
    this.#handler = handler;
    this.#maximumDataLength = maximumDataLength + DATA_LENGTH_TOLERANCE;
  }

  /** A PDU has begun and is not yet complete. */
  get midPdu(): boolean {
    return this.#phase !== Phase.pduHeader || this.#headerFilled > 0;
  }

  /** From here on everything pushed is thrown away: the association has ended. */
  stop(): void {
    this.#stopped = true;
  }

  /** Throws `ProtocolError`; nothing may be pushed after that. */
  push(chunk: Uint8Array): void {
    let offset = 0;
    while (offset < chunk.length && !this.#stopped) {
      switch (this.#phase) {
        case Phase.pduHeader:
          offset = this.#readHeader(chunk, offset);
          if (this.#headerFilled === PDU_HEADER_LENGTH) this.#beginPdu();
          break;
        case Phase.control:
          offset = this.#collect(chunk, offset);
          break;
        case Phase.pdvHeader:
          offset = this.#readHeader(chunk, offset);
          if (this.#headerFilled === PDV_HEADER_LENGTH) this.#beginPdv();
          break;
        case Phase.pdvData: {
          const end = Math.min(chunk.length, offset + this.#pdvRemaining);
          this.#emit(chunk.subarray(offset, end));
          offset = end;
          break;
        }
      }
    }
  }

  /** Fills the six bytes that PDUs and PDVs begin with alike. */
  #readHeader(chunk: Uint8Array, offset: number): number {
    const header = this.#header;
    let filled = this.#headerFilled;
    let at = offset;
    while (filled < PDU_HEADER_LENGTH && at < chunk.length) header[filled++] = chunk[at++]!;
    this.#headerFilled = filled;
    return at;
  }

  #beginPdu(): void {
    this.#headerFilled = 0;
    this.#type = this.#header[0]!;
    this.#pduRemaining = this.#header.readUInt32BE(2);
    if (this.#type === PduType.data) {
      if (this.#pduRemaining > this.#maximumDataLength) {
        throw new ProtocolError(
          AbortReason.invalidParameterValue,
          `a P-DATA-TF PDU of ${this.#pduRemaining} bytes exceeds the announced maximum`,
        );
      }
      this.#handler.onData();
      this.#nextPdv();
      return;
    }
    if (this.#type < PduType.associateRq || this.#type > PduType.abort) {
      throw new ProtocolError(
        AbortReason.unrecognizedPdu,
        `PDU type 0x${this.#type.toString(16).padStart(2, '0')} does not exist`,
      );
    }
    const maximum = this.#type <= PduType.associateAc ? MAXIMUM_CONTROL_PDU_LENGTH : 4;
    if (this.#pduRemaining > maximum) {
      throw new ProtocolError(
        AbortReason.invalidParameterValue,
        `a PDU of type ${this.#type} claims a length of ${this.#pduRemaining} bytes`,
      );
    }
    this.#phase = Phase.control;
    this.#collectedLength = 0;
    if (this.#pduRemaining === 0) this.#endControl();
  }

  /** Grows by doubling, so that a length field alone does not make us allocate. */
  #collect(chunk: Uint8Array, offset: number): number {
    const end = Math.min(chunk.length, offset + this.#pduRemaining);
    const length = this.#collectedLength + (end - offset);
    if (length > this.#collected.length) {
      const grown = Buffer.alloc(Math.max(length, Math.min(2 * length, MAXIMUM_CONTROL_PDU_LENGTH)));
      this.#collected.copy(grown, 0, 0, this.#collectedLength);
      this.#collected = grown;
    }
    this.#collected.set(chunk.subarray(offset, end), this.#collectedLength);
    this.#collectedLength = length;
    this.#pduRemaining -= end - offset;
    if (this.#pduRemaining === 0) this.#endControl();
    return end;
  }

  #endControl(): void {
    const body = this.#collected.subarray(0, this.#collectedLength);
    this.#phase = Phase.pduHeader;
    this.#collected = Buffer.alloc(0);
    this.#handler.onPdu(decodePdu(this.#type, body));
  }

  #nextPdv(): void {
    this.#phase = this.#pduRemaining === 0 ? Phase.pduHeader : Phase.pdvHeader;
    if (this.#pduRemaining > 0 && this.#pduRemaining < PDV_HEADER_LENGTH) {
      throw new ProtocolError(
        AbortReason.invalidParameterValue,
        `a P-DATA-TF PDU ends with ${this.#pduRemaining} bytes that are no presentation data value`,
      );
    }
  }

  #beginPdv(): void {
    this.#headerFilled = 0;
    // The item's length counts the context id and the message control header (PS3.8 §9.3.5.1).
    const length = this.#header.readUInt32BE(0);
    if (length < 2 || length + 4 > this.#pduRemaining) {
      throw new ProtocolError(
        AbortReason.invalidParameterValue,
        `a presentation data value of ${length} bytes does not fit its PDU`,
      );
    }
    this.#pduRemaining -= length + 4;
    this.#pdvRemaining = length - 2;
    this.#contextId = this.#header[4]!;
    this.#control = this.#header[5]!;
    this.#phase = Phase.pdvData;
    if (this.#pdvRemaining === 0) this.#emit(this.#header.subarray(0, 0));
  }

  #emit(bytes: Uint8Array): void {
    this.#pdvRemaining -= bytes.length;
    const complete = this.#pdvRemaining === 0;
    if (complete) this.#nextPdv();
    this.#handler.onFragment(this.#contextId, this.#control, bytes, complete);
  }
}
