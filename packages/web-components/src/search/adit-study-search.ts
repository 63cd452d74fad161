import type { Node, Study } from '@adit/client';
import { css, html, nothing, type TemplateResult } from 'lit';
import '@awesome.me/webawesome/dist/components/button/button.js';
import '@awesome.me/webawesome/dist/components/option/option.js';
import '@awesome.me/webawesome/dist/components/select/select.js';
import type WaSelect from '@awesome.me/webawesome/dist/components/select/select.js';
import { AditElement } from '../base/adit-element.ts';
import { formatCount } from '../base/format.ts';
import { icon } from '../base/icons.ts';
import { problemText } from '../base/problem.ts';
import './adit-study-table.ts';
import type { AditStudyTable } from './adit-study-table.ts';
import './adit-transfer-basket.ts';
import { addArrivals, newestFirst } from './arrivals.ts';
import type { Basket } from './basket.ts';
import { type FilterChange, filterField } from './filter-field.ts';
import {
  type Filters,
  filtersFromUrl,
  filtersToUrl,
  NO_FILTERS,
  PERIODS,
  type Period,
  searchOf,
} from './filters.ts';

const MODALITIES = ['CR', 'CT', 'DX', 'MG', 'MR', 'NM', 'OT', 'PT', 'RF', 'SC', 'SR', 'US', 'XA'];

/** Matches asked for at first; "Show more" asks for ten times as many. */
const FIRST_LIMIT = 100;
const LAST_LIMIT = 1000;

/** A text shorter than this is searched on Enter only: a PACS would answer with half its archive. */
const MIN_LENGTH = 3;
/** Milliseconds between the last key and the search. */
const DELAY = 400;
/** Milliseconds in which studies that arrive are gathered, so that they come in order and the page is not drawn for each. */
const GATHER = 200;

interface Found {
  studies: readonly Study[];
  state: 'idle' | 'searching' | 'done' | 'stopped' | 'failed';
  limited: boolean;
  problem?: string;
}

const NOTHING_FOUND: Found = { studies: [], state: 'idle', limited: false };

/**
 * Searches the studies of a source, lets choose studies or series, and starts their transfer.
 *
 * @fires adit-search-change - `detail` is the state of the search for the URL
 * @fires adit-open-job - `detail` is the id of the job that was started
 */
export class AditStudySearch extends AditElement {
  static override styles = [
    AditElement.styles,
    css`
      :host {
        display: flex;
        flex-direction: column;
        min-height: 100%;
      }
      .bar {
        display: flex;
        gap: 12px;
        align-items: flex-end;
        flex-wrap: wrap;
        margin-bottom: 16px;
      }
      .bar wa-select {
        width: 180px;
      }
      .bar wa-input {
        width: 150px;
      }
      .state {
        flex: 1;
        display: flex;
        justify-content: flex-end;
        align-items: center;
        gap: 12px;
        min-width: 240px;
        text-align: right;
      }
      .sheet {
        display: grid;
        grid-template-columns: repeat(auto-fit, minmax(min(140px, 100%), 1fr));
        gap: 12px;
        padding: 12px;
        margin-bottom: 16px;
      }
      .foot {
        display: flex;
        flex-wrap: wrap;
        justify-content: center;
        gap: 12px;
        align-items: center;
        padding: 10px;
        border-top: 1px solid var(--line);
        color: var(--muted);
      }
      .foot .notice {
        flex: 1;
        margin: 0;
        text-align: left;
      }
      adit-transfer-basket {
        position: sticky;
        bottom: 12px;
        margin: auto 0 12px;
        padding-top: 16px;
        z-index: 5;
      }
      @media (max-width: 720px) {
        .bar wa-select,
        .bar wa-input {
          flex: 1 1 40%;
          width: auto;
          min-width: 0;
        }
        .state {
          flex: 1 0 100%;
          justify-content: space-between;
        }
      }
    `,
  ];

  static override properties = {
    ...AditElement.properties,
    state: { type: String },
    _sources: { state: true },
    _destinations: { state: true },
    _filters: { state: true },
    _found: { state: true },
    _basket: { state: true },
    _narrow: { state: true },
    _sheetOpen: { state: true },
    _problem: { state: true },
    _news: { state: true },
  };

  /** The search as it stands in the URL. */
  declare state: string;
  declare private _sources: readonly Node[] | undefined;
  declare private _destinations: readonly Node[];
  declare private _filters: Filters;
  declare private _found: Found;
  declare private _basket: Basket;
  declare private _narrow: boolean;
  declare private _sheetOpen: boolean;
  declare private _problem: string | undefined;
  /** What is read out: how a search began and ended, not every number in between. */
  declare private _news: string;

  #limit = FIRST_LIMIT;
  #search: AbortController | undefined;
  #delayed: ReturnType<typeof setTimeout> | undefined;
  #connection = new AbortController();

  constructor() {
    super();
    this.state = '';
    this._destinations = [];
    this._filters = NO_FILTERS;
    this._found = NOTHING_FOUND;
    this._basket = new Map();
    this._narrow = false;
    this._sheetOpen = false;
    this._news = '';
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.#connection = new AbortController();
    const narrow = matchMedia('(max-width: 720px)');
    this._narrow = narrow.matches;
    narrow.addEventListener(
      'change',
      () => {
        this._narrow = narrow.matches;
      },
      { signal: this.#connection.signal },
    );
    void this.updateComplete.then(() => this.#loadNodes());
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#connection.abort();
    this.#search?.abort();
    clearTimeout(this.#delayed);
  }

  override willUpdate(changed: Map<PropertyKey, unknown>): void {
    if (!changed.has('state') || this.state === filtersToUrl(this._filters)) return;
    // The user went back, forward, or to another search.
    const filters = filtersFromUrl(this.state);
    this.#takeFilters({ ...filters, node: this.#sourceFor(filters.node) });
    if (this._sources) this.#startSearch();
  }

  protected override sessionBegan(): void {
    if (this._problem) void this.#loadNodes();
  }

  override render() {
    if (this._problem) {
      return html`<div class="head"><h1>Find and transfer</h1></div>
        <div class="empty card" role="alert">
          <h2>The nodes cannot be listed</h2>
          <p>${this._problem}</p>
          <wa-button appearance="outlined" @click=${() => this.#loadNodes()}>Try again</wa-button>
        </div>`;
    }
    if (this._sources?.length === 0) {
      return html`<div class="head"><h1>Find and transfer</h1></div>
        <div class="empty card">
          <h2>There is no source to search</h2>
          <p>A source is a PACS or a DICOMweb service that ADIT may query. An administrator adds it under Nodes.</p>
          <wa-button appearance="outlined" href=${this.link('/nodes')}>Nodes</wa-button>
        </div>`;
    }
    return html`
      <div class="head"><h1>Find and transfer</h1></div>
      ${this.#bar()} ${this._narrow && this._sheetOpen ? this.#sheet() : nothing}
      <div class="card scroll">
        <adit-study-table
          .client=${this.api}
          .node=${this._filters.node}
          .studies=${this._found.studies}
          .searching=${this._found.state === 'searching' || this._sources === undefined}
          .filters=${this._filters}
          .basket=${this._basket}
          .narrow=${this._narrow}
          @adit-basket-change=${(event: CustomEvent<Basket>) => {
            this._basket = event.detail;
          }}
          @adit-filter-change=${(event: CustomEvent<FilterChange>) => this.#set(event.detail)}
          @adit-newest-first=${() => {
            this._found = { ...this._found, studies: newestFirst(this._found.studies) };
          }}
        ></adit-study-table>
        ${this.#foot()}
      </div>
      <adit-transfer-basket
        .client=${this.api}
        .basket=${this._basket}
        .source=${this._sources?.find(({ id }) => id === this._filters.node)}
        .destinations=${this._destinations.filter(({ id }) => id !== this._filters.node)}
        @adit-basket-clear=${() => {
          this._basket = new Map();
        }}
      ></adit-transfer-basket>
    `;
  }

  #bar(): TemplateResult {
    const filters = this._filters;
    const state = this.#status();
    return html`<form class="bar" @submit=${this.#submit} role="search" aria-label="Studies">
      <wa-select
        label="Source"
        .value=${filters.node}
        @change=${(event: Event) =>
          this.#set({ change: { node: String((event.target as WaSelect).value ?? '') }, when: 'now' })}
      >
        ${(this._sources ?? []).map((node) => html`<wa-option value=${node.id}>${node.name}</wa-option>`)}
      </wa-select>
      <wa-select
        label="Study date"
        .value=${filters.period}
        @change=${(event: Event) =>
          this.#set({ change: { period: (event.target as WaSelect).value as Period }, when: 'now' })}
      >
        ${Object.entries(PERIODS).map(([value, label]) => html`<wa-option value=${value}>${label}</wa-option>`)}
      </wa-select>
      ${filters.period === 'range' ? html`${this.#field('from')} ${this.#field('to')}` : nothing}
      <wa-select
        label="Modality"
        multiple
        with-clear
        max-options-visible="2"
        placeholder="Any"
        .value=${[...filters.modalities]}
        @change=${(event: Event) =>
          this.#set({
            change: {
              modalities: [(event.target as WaSelect).value].flat().filter((one) => one !== null),
            },
            when: 'now',
          })}
      >
        ${MODALITIES.map((modality) => html`<wa-option value=${modality}>${modality}</wa-option>`)}
      </wa-select>
      ${
        this._narrow
          ? html`<wa-button
            appearance="outlined"
            type="button"
            aria-expanded=${this._sheetOpen}
            @click=${() => {
              this._sheetOpen = !this._sheetOpen;
            }}
            >${this._sheetOpen ? 'Fewer filters' : 'More filters'}</wa-button
          >`
          : nothing
      }
      <span class="state">
        <span class="muted" aria-hidden="true">${state}</span>
        <span class="visually-hidden" role="status">${this._news}</span>
        ${
          this._found.state === 'searching'
            ? html`<wa-button appearance="outlined" type="button" @click=${this.#stopSearch}>Stop</wa-button>`
            : html`<wa-button appearance="outlined" type="submit">Search</wa-button>`
        }
      </span>
    </form>`;
  }

  #status(): string {
    const { studies, state, limited } = this._found;
    const count = `${formatCount(studies.length)} ${studies.length === 1 ? 'study' : 'studies'}`;
    switch (state) {
      case 'idle':
        return '';
      case 'searching':
        return studies.length === 0 ? 'Searching' : `${count} · still searching`;
      case 'stopped':
        return `${count} · stopped`;
      case 'failed':
        return studies.length === 0 ? '' : `${count} · incomplete`;
      case 'done':
        return limited ? `more than ${formatCount(studies.length)} studies` : `${count} found`;
    }
  }

  #field(key: Parameters<typeof filterField>[0]): TemplateResult {
    return filterField(key, this._filters, (change) => this.#set(change));
  }

  #sheet(): TemplateResult {
    return html`<div class="card sheet">
      ${this.#field('name')} ${this.#field('id')} ${this.#field('born')} ${this.#field('accession')}
      ${this.#field('description')}
    </div>`;
  }

  /** Below the table, so that nothing above it moves: what went wrong, what is empty, what more there is. */
  #foot(): TemplateResult | typeof nothing {
    const { studies, state, limited, problem } = this._found;
    if (state === 'failed') {
      return html`<div class="foot">
        <p class="notice bad" role="alert">
          ${icon('alert')}<span class="grow"
            >${problem} ${studies.length === 0 ? '' : 'The studies above are not all there are.'}</span
          >
          <wa-button appearance="outlined" size="s" @click=${() => this.#startSearch()}>Try again</wa-button>
        </p>
      </div>`;
    }
    if (state === 'done' && studies.length === 0) return this.#noMatch();
    if (state === 'idle' && this._sources !== undefined) {
      return html`<div class="empty">
        ${this._filters.period === 'range' ? 'Say the first or the last day.' : 'Choose a source and press Enter.'}
      </div>`;
    }
    const more = state === 'searching' && this.#limit === LAST_LIMIT;
    if (!limited && !more) return nothing;
    return html`<div class="foot">
      <span>The source has more than these ${formatCount(studies.length)} studies.</span>
      ${
        this.#limit < LAST_LIMIT || more
          ? html`<wa-button appearance="outlined" size="s" ?loading=${more} @click=${this.#showMore}
            >Show more</wa-button
          >`
          : html`<span>Narrow the search to see the others.</span>`
      }
    </div>`;
  }

  #noMatch(): TemplateResult {
    const { node, period } = this._filters;
    const filtered =
      filtersToUrl({ ...this._filters, node: '', period: NO_FILTERS.period, from: '', to: '' }) !== '';
    const advice = [period !== 'all' && 'a longer period', 'fewer letters', '* for what you are not sure of'];
    return html`<div class="empty">
      <h2>No study matches</h2>
      <p>Try ${advice.filter(Boolean).join(', or ')}.</p>
      ${
        period === 'all'
          ? nothing
          : html`<wa-button
            appearance="outlined"
            @click=${() => this.#set({ change: { period: 'all' }, when: 'now' })}
            >Search any time</wa-button
          >`
      }
      ${
        filtered
          ? html`<wa-button
            appearance="outlined"
            @click=${() => this.#set({ change: { ...NO_FILTERS, node, period }, when: 'now' })}
            >Clear the other filters</wa-button
          >`
          : nothing
      }
    </div>`;
  }

  async #loadNodes(): Promise<void> {
    this._problem = undefined;
    const { signal } = this.#connection;
    try {
      const nodes = await this.api.listNodes({ signal });
      this._sources = nodes.filter((node) => node.source);
      this._destinations = nodes.filter((node) => node.destination);
      const node = this.#sourceFor(this._filters.node);
      const changed = node !== this._filters.node;
      this.#takeFilters({ ...this._filters, node });
      // Whoever comes back to a finished search finds it as it was.
      if (changed || this._found.state !== 'done') this.#startSearch();
    } catch (error) {
      if (!signal.aborted) this._problem = problemText(error);
    }
  }

  /** The source that is meant: the one named, else the one searched last, else the first. */
  #sourceFor(named: string): string {
    const sources = this._sources;
    if (!sources) return named;
    const known = [named, this._filters.node].find((id) => sources.some((source) => source.id === id));
    return known ?? sources[0]?.id ?? '';
  }

  /** What was chosen is in one source: with another source it is dropped. */
  #takeFilters(filters: Filters): void {
    if (this._filters.node !== '' && filters.node !== this._filters.node) this._basket = new Map();
    this._filters = filters;
    this.#limit = FIRST_LIMIT;
  }

  #submit(event: SubmitEvent): void {
    event.preventDefault();
    this.#startSearch();
  }

  /** Takes a change of the filters; `later` waits for the last key and a text that is long enough. */
  #set({ change, when }: FilterChange): void {
    this.#takeFilters({ ...this._filters, ...change });
    clearTimeout(this.#delayed);
    if (when === 'now') {
      this.#startSearch();
      return;
    }
    const texts = Object.values(change).filter((value) => typeof value === 'string');
    if (texts.every((text) => text === '' || text.length >= MIN_LENGTH)) {
      this.#delayed = setTimeout(() => this.#startSearch(), DELAY);
    }
  }

  #startSearch(): void {
    clearTimeout(this.#delayed);
    this.#search?.abort();
    this.dispatchEvent(
      new CustomEvent('adit-search-change', {
        detail: filtersToUrl(this._filters),
        bubbles: true,
        composed: true,
      }),
    );
    const { node, period, from, to } = this._filters;
    if (node === '' || (period === 'range' && !from && !to)) {
      this._found = NOTHING_FOUND;
      return;
    }
    void this.#run([]);
  }

  #stopSearch(): void {
    this.#search?.abort();
    this._found = { ...this._found, state: 'stopped' };
    this._news = this.#status();
  }

  /** The studies shown stay; the others come below them. */
  async #showMore(): Promise<void> {
    if (this._found.state === 'searching') return;
    const shown = this._found.studies;
    this.#limit = LAST_LIMIT;
    await this.#run(shown);
    // The button is gone: the first new row takes its focus, where the user would look next.
    const next = this._found.studies[shown.length];
    if (!next || (this.renderRoot as ShadowRoot).activeElement) return;
    const table = this.renderRoot.querySelector<AditStudyTable>('adit-study-table');
    await table?.updateComplete;
    table?.focusStudy(next.studyInstanceUid);
  }

  async #run(shown: readonly Study[]): Promise<void> {
    const search = new AbortController();
    this.#search = search;
    const { signal } = search;
    let arrived: Study[] = [];
    let gathering: ReturnType<typeof setTimeout> | undefined;
    const show = (state: Partial<Found> = {}) => {
      clearTimeout(gathering);
      gathering = undefined;
      if (signal.aborted) return;
      this._found = { ...this._found, studies: addArrivals(this._found.studies, arrived), ...state };
      arrived = [];
      if (state.state) this._news = this.#status();
    };
    this._found = { studies: shown, state: 'searching', limited: false };
    this._news = 'Searching';
    try {
      const lines = this.api.searchStudies({
        params: { nodeId: this._filters.node },
        query: searchOf(this._filters, this.#limit),
        signal,
      });
      for await (const line of lines) {
        if (signal.aborted) return;
        if ('study' in line) {
          arrived.push(line.study);
          gathering ??= setTimeout(show, GATHER);
        } else if ('end' in line) {
          show({ state: 'done', limited: line.end.limited });
        }
      }
    } catch (error) {
      if (!signal.aborted) show({ state: 'failed', problem: problemText(error) });
    } finally {
      clearTimeout(gathering);
      await this.updateComplete;
    }
  }
}

customElements.define('adit-study-search', AditStudySearch);

declare global {
  interface HTMLElementTagNameMap {
    'adit-study-search': AditStudySearch;
  }
}
