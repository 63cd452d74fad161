import type { LiveEvent } from '@adit/client';
import { html, nothing, type ReactiveController, type TemplateResult } from 'lit';
import type { AditElement } from './adit-element.ts';
import { icon } from './icons.ts';

export interface LiveEventsOptions {
  /** Only of this job, its tasks included; without it changes of jobs alone. */
  jobId?: () => string | undefined;
  /** Of every user. */
  all?: () => boolean;
  onEvent: (event: LiveEvent) => void;
  /** The connection is there again; what happened meanwhile may have been missed. */
  onReconnect: () => void;
}

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
  readonly #options: LiveEventsOptions;

  constructor(host: AditElement, options: LiveEventsOptions) {
    this.#host = host;
    this.#options = options;
    host.addController(this);
  }

  hostConnected(): void {
    this.restart();
    addEventListener('adit-login', this.#onLogin);
  }

  hostDisconnected(): void {
    this.#stop?.abort();
    removeEventListener('adit-login', this.#onLogin);
  }

  /** A session that had ended goes on, perhaps by an element elsewhere in the page. */
  readonly #onLogin = (): void => {
    if (!this.lost) return;
    this.restart();
    this.#options.onReconnect();
  };

  /** Says that the connection is lost, at the bottom of the element: nothing above it moves. */
  notice(): TemplateResult {
    return html`<div class="lost" role="status">
      ${
        this.lost
          ? html`<p class="notice warn">
            ${icon('refresh')}Live updates paused, connecting again. What you see may be a little old.
          </p>`
          : nothing
      }
    </div>`;
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
        query: {
          ...(jobId === undefined ? {} : { jobId }),
          ...(this.#options.all?.() ? { all: 'true' as const } : {}),
        },
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
