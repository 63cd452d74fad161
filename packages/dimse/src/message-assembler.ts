import { type CommandSet, decodeCommandSet } from './command-set.ts';
import { PDV_COMMAND, PDV_LAST } from './pdu.ts';
import { AbortReason, ProtocolError } from './protocol-error.ts';

/** Takes a data set as its pieces come. */
export interface DatasetReceiver {
  push(bytes: Uint8Array): void;
  finish(): void;
  fail(error: unknown): void;
}

/** Command sets have a few hundred bytes. */
const MAXIMUM_COMMAND_LENGTH = 64 * 1024;
/** Identifiers of answers: 20,000 failed instance UIDs come to 1.3 MB. */
const MAXIMUM_IDENTIFIER_LENGTH = 16 * 1024 * 1024;
/** Keys of queries and retrievals, which anybody may send. */
export const MAXIMUM_KEYS_LENGTH = 1024 * 1024;

/** Puts messages together from the fragments of presentation data values (PS3.7 §6.3.1, PS3.8 §E.1). */
export class MessageAssembler {
  /** Gives the receiver of the data set that follows the command; undefined where none does. */
  readonly #onCommand: (command: CommandSet, contextId: number) => DatasetReceiver | undefined;
  #pieces: Buffer[] = [];
  #length = 0;
  #contextId = 0;
  #receiver: DatasetReceiver | undefined;

  constructor(onCommand: (command: CommandSet, contextId: number) => DatasetReceiver | undefined) {
    this.#onCommand = onCommand;
  }

  /** A data set has begun and not ended. */
  get midDataset(): boolean {
    return this.#receiver !== undefined;
  }

  /** A command set or data set has begun and not ended. */
  get midMessage(): boolean {
    return this.midDataset || this.#pieces.length > 0;
  }

  /** Throws `ProtocolError` where fragments come out of order. */
  push(contextId: number, control: number, bytes: Uint8Array, complete: boolean): void {
    const last = complete && (control & PDV_LAST) !== 0;
    if ((control & PDV_COMMAND) === 0) this.#pushData(contextId, bytes, last);
    else this.#pushCommand(contextId, bytes, last);
  }

  /** The association is over: a data set that is not complete fails. */
  fail(error: unknown): void {
    this.#receiver?.fail(error);
    this.#receiver = undefined;
  }

  #pushData(contextId: number, bytes: Uint8Array, last: boolean): void {
    const receiver = this.#receiver;
    if (!receiver || this.#contextId !== contextId) {
      throw unexpected('a data set fragment came without its command');
    }
    receiver.push(bytes);
    if (!last) return;
    this.#receiver = undefined;
    receiver.finish();
  }

  #pushCommand(contextId: number, bytes: Uint8Array, last: boolean): void {
    if (this.#receiver) throw unexpected('a command came in the middle of a data set');
    if (this.#length > 0 && this.#contextId !== contextId) {
      throw unexpected('a command came in the middle of another');
    }
    if (bytes.length === 0 && !last) return;
    this.#contextId = contextId;
    this.#length += bytes.length;
    if (this.#length > MAXIMUM_COMMAND_LENGTH) throw unexpected('a command set has no end');
    const piece = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    // Most command sets come in one piece, which is read where it lies.
    this.#pieces.push(last ? piece : Buffer.from(piece));
    if (!last) return;
    const pieces = this.#pieces;
    this.#pieces = [];
    this.#length = 0;
    const command = decodeCommandSet(pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces));
    this.#receiver = this.#onCommand(command, contextId);
  }
}

/** Puts a small data set together. */
export class IdentifierCollector implements DatasetReceiver {
  readonly #pieces: Buffer[] = [];
  #length = 0;
  readonly #onDone: (bytes: Buffer) => void;
  readonly #maximumLength: number;

  /** @param maximumLength more is a breach of the protocol */
  constructor(onDone: (bytes: Buffer) => void, maximumLength = MAXIMUM_IDENTIFIER_LENGTH) {
    this.#onDone = onDone;
    this.#maximumLength = maximumLength;
  }

  push(bytes: Uint8Array): void {
    this.#length += bytes.length;
    if (this.#length > this.#maximumLength) {
      throw unexpected(`an identifier is longer than ${this.#maximumLength} bytes`);
    }
    // A copy: a view would keep the large buffer it lies in.
    if (bytes.length > 0) this.#pieces.push(Buffer.from(bytes));
  }

  finish(): void {
    const [only] = this.#pieces;
    this.#onDone(only && this.#pieces.length === 1 ? only : Buffer.concat(this.#pieces));
  }

  fail(): void {
    this.#pieces.length = 0;
  }
}

/** Takes a data set that nobody wants. */
export const UNWANTED_DATASET: DatasetReceiver = {
  push: () => undefined,
  finish: () => undefined,
  fail: () => undefined,
};

function unexpected(message: string): ProtocolError {
  return new ProtocolError(AbortReason.unexpectedParameter, message);
}
