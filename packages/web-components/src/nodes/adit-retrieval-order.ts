import { type RetrievalWay, retrievalWay } from '@adit/client';
import { css, html, type TemplateResult } from 'lit';
import { live } from 'lit/directives/live.js';
import { repeat } from 'lit/directives/repeat.js';
import { AditElement } from '../base/adit-element.ts';
import { icon } from '../base/icons.ts';

/** All ways, in the order of the server. */
const WAYS: readonly RetrievalWay[] = retrievalWay.options;

const EXPLAINED: Readonly<Record<RetrievalWay, string>> = {
  'wado-rs': 'over DICOMweb',
  'c-get': 'over the connection that asks',
  'c-move': 'sent to the receiver of ADIT',
};

/** The ways studies are fetched from a PACS: which, and in which order. */
export class AditRetrievalOrder extends AditElement {
  static override styles = [
    AditElement.styles,
    css`
      fieldset {
        border: 0;
        margin: 0;
        padding: 0;
        min-width: 0;
      }
      legend {
        padding: 0;
        font-size: var(--size-0);
        margin-block-end: 4px;
      }
      ol {
        list-style: none;
        margin: 0;
        padding: 0;
        border: 1px solid var(--line);
        border-radius: var(--radius);
      }
      li {
        display: flex;
        align-items: center;
        gap: 4px;
        min-height: var(--row);
        padding: 4px 6px 4px 12px;
      }
      li + li {
        border-top: 1px solid var(--line);
      }
      label {
        flex: 1;
        display: flex;
        flex-wrap: wrap;
        align-items: center;
        gap: 0 8px;
        min-width: 0;
      }
      .off .name {
        color: var(--muted);
      }
      .icon-button[aria-disabled='true'] {
        opacity: 0.35;
        cursor: default;
      }
      .up .icon {
        transform: rotate(-90deg);
      }
      .down .icon {
        transform: rotate(90deg);
      }
      .hint {
        margin-top: 4px;
        font-size: var(--size-0);
      }
    `,
  ];

  static override properties = {
    ...AditElement.properties,
    ways: { attribute: false },
    web: { type: Boolean },
    _order: { state: true },
    _chosen: { state: true },
    _moved: { state: true },
  };

  /** The ways of the node; undefined where nothing was chosen. */
  declare ways: readonly RetrievalWay[] | undefined;
  /** There is a DICOMweb service, without which there is no WADO-RS. */
  declare web: boolean;
  declare private _order: readonly RetrievalWay[];
  declare private _chosen: ReadonlySet<RetrievalWay>;
  /** What the last move came to, for those who do not see it. */
  declare private _moved: string;

  constructor() {
    super();
    this.web = false;
    this._moved = '';
    this._order = WAYS;
    this._chosen = new Set(WAYS);
  }

  override willUpdate(changed: Map<PropertyKey, unknown>): void {
    if (!changed.has('ways')) return;
    const ways = this.ways ?? WAYS;
    this._chosen = new Set(ways);
    this._order = [...ways, ...WAYS.filter((way) => !ways.includes(way))];
  }

  /** What is chosen; undefined where it is what the server does unless told. */
  get value(): RetrievalWay[] | undefined {
    const chosen = this._order.filter((way) => this.#isOffered(way) && this._chosen.has(way));
    const usual = WAYS.filter((way) => this.#isOffered(way));
    return chosen.join() === usual.join() ? undefined : chosen;
  }

  override render() {
    return html`<fieldset aria-describedby="hint">
      <legend>Studies are fetched with</legend>
      <ol>
        ${repeat(
          this._order,
          (way) => way,
          (way, index) => this.#row(way, index),
        )}
      </ol>
      <p id="hint" class="hint muted">
        In this order: each is for what the ones before do not offer. For C-MOVE, ADIT must be registered at the
        PACS as the page of nodes says.
      </p>
      <span class="visually-hidden" role="status">${this._moved}</span>
    </fieldset>`;
  }

  #row(way: RetrievalWay, index: number): TemplateResult {
    const offered = this.#isOffered(way);
    const chosen = offered && this._chosen.has(way);
    return html`<li class=${chosen ? '' : 'off'}>
      <label>
        <input
          type="checkbox"
          .checked=${live(chosen)}
          ?disabled=${!offered}
          @change=${() => this.#toggle(way)}
        />
        <span class="name">${nameOf(way)}</span>
        <span class="muted">${offered ? EXPLAINED[way] : 'needs the DICOMweb service root'}</span>
      </label>
      ${this.#mover(way, index, 'up')}${this.#mover(way, index, 'down')}
    </li>`;
  }

  /** Stays where it can take the focus at the ends, too. */
  #mover(way: RetrievalWay, index: number, direction: 'up' | 'down'): TemplateResult {
    const target = direction === 'up' ? index - 1 : index + 1;
    const useless = target < 0 || target === this._order.length;
    return html`<button
      type="button"
      id="${way}-${direction}"
      class="icon-button ${direction}"
      aria-label="Move ${nameOf(way)} ${direction}"
      aria-disabled=${useless}
      @click=${() => !useless && this.#move(way, index, target)}
    >
      ${icon('chevron')}
    </button>`;
  }

  #isOffered(way: RetrievalWay): boolean {
    return way !== 'wado-rs' || this.web;
  }

  #toggle(way: RetrievalWay): void {
    const chosen = new Set(this._chosen);
    if (!chosen.delete(way)) chosen.add(way);
    this._chosen = chosen;
  }

  #move(way: RetrievalWay, from: number, to: number): void {
    const focused = this.shadowRoot?.activeElement?.id;
    this._order = this._order.with(from, this._order[to]!).with(to, way);
    this._moved = `${nameOf(way)} is number ${to + 1} of ${this._order.length} now.`;
    // An element that changes its place loses the focus.
    void this.updateComplete.then(() => focused && this.shadowRoot?.getElementById(focused)?.focus());
  }
}

function nameOf(way: RetrievalWay): string {
  return way.toUpperCase();
}

customElements.define('adit-retrieval-order', AditRetrievalOrder);

declare global {
  interface HTMLElementTagNameMap {
    'adit-retrieval-order': AditRetrievalOrder;
  }
}
