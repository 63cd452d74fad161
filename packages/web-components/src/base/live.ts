import type { LiveEvent } from '@adit/client';
import type { ReactiveController } from 'lit';
import type { AditElement } from './adit-element.ts';

/**
 * Follows the live events of the server while its element is in the page.
 *
 * When the connection is lost the data stays; `lost` says so, and after it is there again `onReconnect` is called, for what was
 * missed beyond the server's memory.
 */
export class LiveEvents implements ReactiveController {
  /** True while the connection is lost. */
  lost = false;
  #stop: AbortController | undefined;
  readonly #host: AditElement;
  readonly #options: {
    jobId?: () => string | undefined;
    onEvent: (event: LiveEvent) => void;
    onReconnect: () => void;
  };

  constructor(
    host: AditElement,
    options: {
      jobId?: () => string | undefined;
      onEvent: (event: LiveEvent) => void;
      onReconnect: () => void;
    },
  ) {
    this.#host = host;
    this.#options = options;
    host.addController(this);
  }

  hostConnected(): void {
    this.restart();
  }

  hostDisconnected(): void {
    this.#stop?.abort();
  }

  /** Connects anew, for example for another job. */
  restart(): void {
    this.#stop?.abort();
    this.#stop = new AbortController();
    void this.#follow(this.#stop.signal);
  }

  async #follow(signal: AbortSignal): Promise<void> {
    // The client comes by context, which is there one step after the element is connected.
    await this.#host.updateComplete;
    if (signal.aborted) return;
    const jobId = this.#options.jobId?.();
    let wasLost = false;
    try {
      const events = this.#host.api.events({
        query: jobId === undefined ? {} : { jobId },
        signal,
        onConnection: ({ connected }) => {
          this.lost = !connected;
          if (connected && wasLost) this.#options.onReconnect();
          wasLost = !connected;
          this.#host.requestUpdate();
        },
      });
      for await (const event of events) this.#options.onEvent(event);
    } catch {
      // Refused for good, for example because the session has ended: the next request says why.
      if (signal.aborted) return;
      this.lost = true;
      this.#host.requestUpdate();
    }
  }
}
