import type { CommandSet } from './command-set.ts';
import type { FlowControl } from './incoming-dataset.ts';
import type { PresentationContext } from './presentation-context.ts';

/** A response to a request of ours, with its data set where it has one. */
export interface Response {
  command: CommandSet;
  context: PresentationContext;
  identifier?: Buffer;
}

/** Responses to one request, in order. */
export class ResponseQueue {
  readonly messageId: number;
  /** Command Field (0000,0100) of the request. */
  readonly commandField: number;
  readonly context: PresentationContext;
  /** The request is sent whole: the peer's time to answer runs. */
  sent = false;
  onFailure: ((error: unknown) => void) | undefined;
  readonly #flow: FlowControl;
  readonly #onClose: () => void;
  readonly #queue: Response[] = [];
  #waiting: PromiseWithResolvers<Response> | undefined;
  #error: unknown;
  #closed = false;

  constructor(
    request: { messageId: number; commandField: number },
    context: PresentationContext,
    flow: FlowControl,
    onClose: () => void,
  ) {
    this.messageId = request.messageId;
    this.commandField = request.commandField;
    this.context = context;
    this.#flow = flow;
    this.#onClose = onClose;
  }

  /** Responses wait for this side to read them. */
  get unread(): boolean {
    return this.#queue.length > 0;
  }

  push(response: Response): void {
    if (this.#closed) return;
    if (this.#waiting) {
      this.#waiting.resolve(response);
      this.#waiting = undefined;
      return;
    }
    this.#queue.push(response);
    this.#flow.onQueued(sizeOf(response));
  }

  fail(error: unknown): void {
    this.#error = error;
    this.onFailure?.(error);
    this.#waiting?.reject(error);
    this.#waiting = undefined;
  }

  /** Rejects whoever waits for a response now. Others can be waited for later. */
  interrupt(error: unknown): void {
    this.#waiting?.reject(error);
    this.#waiting = undefined;
  }

  /** Waits for the next response. Throws why the association ended, if it did. */
  next(): Promise<Response> {
    const response = this.#queue.shift();
    if (response) {
      this.#flow.onTaken(sizeOf(response));
      return Promise.resolve(response);
    }
    if (this.#error !== undefined) return Promise.reject(this.#error);
    this.#waiting = Promise.withResolvers();
    return this.#waiting.promise;
  }

  /** No more responses are wanted. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const response of this.#queue.splice(0)) this.#flow.onTaken(sizeOf(response));
    this.#onClose();
  }
}

/** Bytes that a waiting response counts for, its objects included. */
function sizeOf(response: Response): number {
  return (response.identifier?.length ?? 0) + 512;
}
