import type { Node, Series, Study } from '@adit/client';
import { css, html, nothing, type TemplateResult } from 'lit';
import { live } from 'lit/directives/live.js';
import { repeat } from 'lit/directives/repeat.js';
import '@awesome.me/webawesome/dist/components/button/button.js';
import '@awesome.me/webawesome/dist/components/input/input.js';
import '@awesome.me/webawesome/dist/components/option/option.js';
import '@awesome.me/webawesome/dist/components/select/select.js';
import type WaSelect from '@awesome.me/webawesome/dist/components/select/select.js';
import { AditElement } from '../base/adit-element.ts';
import { formatCount, formatName, MISSING } from '../base/format.ts';
import { icon } from '../base/icons.ts';
import { isTyping } from '../base/keys.ts';
import { problemText } from '../base/problem.ts';
import './adit-transfer-basket.ts';
import { type Basket, chosenOf, isSeriesChosen, toggleSeries, toggleStudy } from './basket.ts';
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

interface Found {
  studies: Study[];
  state: 'idle' | 'searching' | 'done' | 'stopped' | 'failed';
  limited: boolean;
  problem?: string;
}

interface SeriesOfStudy {
  series: Series[];
  state: 'loading' | 'done' | 'failed';
  problem?: string;
}

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
      .filters td {
        height: auto;
        padding: 0 4px 8px 8px;
        border-bottom: 1px solid var(--line);
      }
      .filters wa-input {
        /* As wide as the column is, and never a reason for it to be wider. */
        width: 0;
        min-width: 100%;
        --wa-form-control-height: 28px;
        --wa-form-control-padding-block: 4px;
        --wa-form-control-padding-inline: 8px;
        --wa-form-control-value-font-size: 13px;
      }
      thead tr:first-child th {
        padding-bottom: 4px;
      }
      .sheet {
        display: grid;
        grid-template-columns: 1fr 1fr;
        gap: 12px;
        padding: 12px;
        margin-bottom: 16px;
      }
      tr.study {
        cursor: default;
      }
      tr.study:hover td {
        background: var(--sunken);
      }
      tr.chosen td,
      tr.chosen:hover td {
        background: var(--accent-soft);
      }
      tr.series td {
        height: 34px;
        background: var(--sunken);
        color: var(--muted);
        font-size: 13px;
      }
      tr:focus-visible {
        outline-offset: -2px;
      }
      td.check,
      th.check {
        width: 40px;
        padding-right: 0;
      }
      .expand {
        margin-left: -6px;
      }
      .expand[aria-expanded='true'] .icon {
        transform: rotate(90deg);
      }
      th.born {
        min-width: 136px;
      }
      th.id {
        min-width: 92px;
      }
      th,
      tbody td {
        padding-left: 8px;
        padding-right: 8px;
      }
      .accession {
        max-width: 104px;
        overflow: hidden;
        text-overflow: ellipsis;
      }
      .text {
        min-width: 110px;
        max-width: 190px;
        overflow: hidden;
        text-overflow: ellipsis;
      }
      .name {
        display: inline-block;
        max-width: 190px;
        overflow: hidden;
        text-overflow: ellipsis;
        vertical-align: middle;
      }
      .series label {
        display: inline-flex;
        gap: 8px;
        align-items: center;
      }
      .foot {
        display: flex;
        justify-content: center;
        gap: 12px;
        align-items: center;
        padding: 10px;
        border-top: 1px solid var(--line);
        color: var(--muted);
      }
      adit-transfer-basket {
        position: sticky;
        bottom: -16px;
        margin-top: auto;
        padding-top: 16px;
        z-index: 5;
      }
      @media (max-width: 720px) {
        .wide {
          display: none;
        }
        .bar wa-select {
          width: calc(50% - 6px);
        }
        .name {
          white-space: normal;
          max-width: 30vw;
        }
        td,
        th {
          padding-left: 6px;
          padding-right: 6px;
        }
        adit-transfer-basket {
          bottom: -12px;
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
    _series: { state: true },
    _basket: { state: true },
    _narrow: { state: true },
    _sheetOpen: { state: true },
    _problem: { state: true },
  };

  /** The search as it stands in the URL. */
  declare state: string;
  declare private _sources: Node[] | undefined;
  declare private _destinations: Node[];
  declare private _filters: Filters;
  declare private _found: Found;
  declare private _series: ReadonlyMap<string, SeriesOfStudy>;
  declare private _basket: Basket;
  declare private _narrow: boolean;
  declare private _sheetOpen: boolean;
  declare private _problem: string | undefined;

  #limit = FIRST_LIMIT;
  #search: AbortController | undefined;
  #delayed: ReturnType<typeof setTimeout> | undefined;
  #listening = new AbortController();

  constructor() {
    super();
    this.state = '';
    this._destinations = [];
    this._filters = NO_FILTERS;
    this._found = { studies: [], state: 'idle', limited: false };
    this._series = new Map();
    this._basket = new Map();
    this._narrow = false;
    this._sheetOpen = false;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.#listening = new AbortController();
    const { signal } = this.#listening;
    const narrow = matchMedia('(max-width: 720px)');
    this._narrow = narrow.matches;
    narrow.addEventListener(
      'change',
      () => {
        this._narrow = narrow.matches;
      },
      { signal },
    );
    addEventListener('keydown', this.#onKey, { signal });
    this._filters = filtersFromUrl(this.state);
    void this.updateComplete.then(() => this.#loadNodes());
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#listening.abort();
    this.#search?.abort();
    clearTimeout(this.#delayed);
  }

  override render() {
    if (this._problem) {
      return html`<div class="empty card" role="alert">
        <h2>The nodes cannot be listed</h2>
        <p>${this._problem}</p>
        <wa-button appearance="outlined" @click=${() => this.#loadNodes()}>Try again</wa-button>
      </div>`;
    }
    if (this._sources?.length === 0) {
      return html`<div class="empty card">
        <h2>There is no source to search</h2>
        <p>A source is a PACS or a DICOMweb service that ADIT may query. An administrator adds it under Nodes.</p>
        <wa-button appearance="outlined" href="/nodes">Nodes</wa-button>
      </div>`;
    }
    return html`
      <div class="head"><h1>Find and transfer</h1></div>
      ${this.#bar()} ${this._narrow && this._sheetOpen ? this.#sheet() : nothing}
      ${
        this._found.problem
          ? html`<p class="notice bad" role="alert">
            ${icon('alert')}<span class="grow">${this._found.problem}</span>
            <wa-button appearance="outlined" size="s" @click=${() => this.#startSearch()}>Try again</wa-button>
          </p>`
          : nothing
      }
      <div class="card scroll">${this.#table()} ${this.#foot()}</div>
      <adit-transfer-basket
        .client=${this.api}
        .basket=${this._basket}
        .source=${this.#source}
        .destinations=${this._destinations.filter(({ id }) => id !== this._filters.node)}
        @adit-basket-clear=${() => {
          this._basket = new Map();
        }}
      ></adit-transfer-basket>
    `;
  }

  get #source(): Node | undefined {
    return this._sources?.find(({ id }) => id === this._filters.node);
  }

  #bar(): TemplateResult {
    const filters = this._filters;
    return html`<form class="bar" @submit=${this.#submit} role="search" aria-label="Studies">
      <wa-select label="Source" .value=${filters.node} @change=${this.#onSource}>
        ${(this._sources ?? []).map((node) => html`<wa-option value=${node.id}>${node.name}</wa-option>`)}
      </wa-select>
      <wa-select
        label="Study date"
        .value=${filters.period}
        @change=${(event: Event) => this.#set({ period: (event.target as WaSelect).value as Period }, 'now')}
      >
        ${Object.entries(PERIODS).map(([value, label]) => html`<wa-option value=${value}>${label}</wa-option>`)}
      </wa-select>
      ${
        filters.period === 'range'
          ? html`${this.#field('from', 'First day', 'date', true)} ${this.#field('to', 'Last day', 'date', true)}`
          : nothing
      }
      <wa-select
        label="Modality"
        multiple
        with-clear
        max-options-visible="2"
        placeholder="Any"
        .value=${[...filters.modalities]}
        @change=${(event: Event) =>
          this.#set(
            { modalities: [(event.target as WaSelect).value].flat().filter((one) => one !== null) },
            'now',
          )}
      >
        ${MODALITIES.map((modality) => html`<wa-option value=${modality}>${modality}</wa-option>`)}
      </wa-select>
      ${
        this._narrow
          ? html`<wa-button appearance="outlined"
            type="button"
            aria-expanded=${this._sheetOpen}
            @click=${() => {
              this._sheetOpen = !this._sheetOpen;
            }}
            >Filters</wa-button
          >`
          : nothing
      }
      <span class="grow"></span>
      <span class="muted" role="status" aria-live="polite">${this.#status()}</span>
      ${
        this._found.state === 'searching'
          ? html`<wa-button appearance="outlined" type="button" @click=${this.#stopSearch}>Stop</wa-button>`
          : html`<wa-button appearance="outlined" type="submit">Search</wa-button>`
      }
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

  /** A field of text or date; `labelled` shows its label above it, otherwise the column head names it. */
  #field(
    key: 'name' | 'id' | 'born' | 'description' | 'accession' | 'from' | 'to',
    label: string,
    type: 'text' | 'date',
    labelled = false,
  ): TemplateResult {
    return html`<wa-input
      type=${type}
      class=${labelled ? nothing : 'bare'}
      label=${label}
      placeholder=${labelled || type === 'date' ? nothing : 'Any'}
      maxlength="64"
      autocomplete="off"
      .value=${live(this._filters[key])}
      @input=${(event: InputEvent) => this.#set({ [key]: (event.target as HTMLInputElement).value ?? '' }, 'later')}
      @keydown=${(event: KeyboardEvent) => {
        if (event.key === 'Enter') {
          event.preventDefault();
          this.#startSearch();
        }
      }}
    ></wa-input>`;
  }

  #sheet(): TemplateResult {
    return html`<div class="card sheet">
      ${this.#field('name', 'Patient name', 'text', true)} ${this.#field('id', 'Patient ID', 'text', true)}
      ${this.#field('born', 'Born', 'date', true)} ${this.#field('accession', 'Accession number', 'text', true)}
      ${this.#field('description', 'Description', 'text', true)}
    </div>`;
  }

  #table(): TemplateResult {
    const { studies } = this._found;
    const allChosen =
      studies.length > 0 && studies.every((one) => chosenOf(this._basket, one.studyInstanceUid) === 'all');
    return html`<table aria-label="Studies found" aria-busy=${this._found.state === 'searching'}>
      <thead>
        <tr>
          <th class="check">
            <input
              type="checkbox"
              aria-label="Choose all studies found"
              .checked=${live(allChosen)}
              ?disabled=${studies.length === 0}
              @change=${() => this.#toggleAll(!allChosen)}
            />
          </th>
          <th scope="col">Patient</th>
          <th scope="col" class="wide id">ID</th>
          <th scope="col" class="wide born">Born</th>
          <th scope="col">Study</th>
          <th scope="col">Modalities</th>
          <th scope="col" class="wide">Description</th>
          <th scope="col" class="num">Images</th>
          <th scope="col" class="wide">Accession</th>
        </tr>
        ${
          this._narrow
            ? nothing
            : html`<tr class="filters">
              <td></td>
              <td>${this.#field('name', 'Patient name', 'text')}</td>
              <td>${this.#field('id', 'Patient ID', 'text')}</td>
              <td>${this.#field('born', 'Born', 'date')}</td>
              <td></td>
              <td></td>
              <td>${this.#field('description', 'Description', 'text')}</td>
              <td></td>
              <td>${this.#field('accession', 'Accession number', 'text')}</td>
            </tr>`
        }
      </thead>
      <tbody>
        ${
          studies.length === 0 && this._found.state === 'searching'
            ? Array.from({ length: 5 }, () => skeletonRow)
            : repeat(
                studies,
                (study) => study.studyInstanceUid,
                (study) => this.#studyRow(study),
              )
        }
      </tbody>
    </table>`;
  }

  #studyRow(study: Study): TemplateResult {
    const uid = study.studyInstanceUid;
    const chosen = chosenOf(this._basket, uid);
    const opened = this._series.get(uid);
    const name = formatName(study.patientName);
    const what = `study of ${name}, ${study.studyDate ?? 'without a date'}`;
    return html`<tr
        class="study ${chosen === 'none' ? '' : 'chosen'}"
        tabindex="-1"
        data-uid=${uid}
        @dblclick=${() => this.#toggleSeriesOf(study)}
      >
        <td class="check">
          <input
            type="checkbox"
            aria-label="Choose ${what}"
            .checked=${live(chosen === 'all')}
            .indeterminate=${live(chosen === 'some')}
            @change=${() => this.#toggleStudy(study)}
          />
        </td>
        <td>
          <button
            class="icon-button expand"
            aria-label="Series of the ${what}"
            aria-expanded=${opened !== undefined}
            @click=${() => this.#toggleSeriesOf(study)}
          >
            ${icon('chevron', 14)}</button
          ><span class="name" title=${name}>${name}</span>
        </td>
        <td class="mono wide">${study.patientId || MISSING}</td>
        <td class="wide">${study.patientBirthDate || MISSING}</td>
        <td>${study.studyDate || MISSING}<span class="wide"> ${study.studyTime?.slice(0, 5) || MISSING}</span></td>
        <td>${study.modalities.map((modality) => html`<span class="mod">${modality}</span>`)}</td>
        <td class="wide text" title=${study.description ?? nothing}>${study.description || MISSING}</td>
        <td class="num">${formatCount(study.instances)}</td>
        <td class="mono wide accession" title=${study.accessionNumber ?? nothing}>${study.accessionNumber || MISSING}</td>
      </tr>
      ${opened ? this.#seriesRows(study, opened) : nothing}`;
  }

  #seriesRows(study: Study, opened: SeriesOfStudy): TemplateResult {
    const columns = this._narrow ? 5 : 9;
    if (opened.state === 'failed') {
      return html`<tr class="series">
        <td colspan=${columns}><span class="chip bad">${icon('cross', 12)}Failed</span> ${opened.problem}</td>
      </tr>`;
    }
    if (opened.state === 'loading' && opened.series.length === 0) {
      return html`<tr class="series">
        <td></td>
        <td colspan=${columns - 1}>Looking for its series</td>
      </tr>`;
    }
    return html`${repeat(
      opened.series,
      (one) => one.seriesInstanceUid,
      (one) => html`<tr class="series">
        <td></td>
        <td colspan=${this._narrow ? 2 : 4}>
          <label
            ><input
              type="checkbox"
              .checked=${live(isSeriesChosen(this._basket, study.studyInstanceUid, one.seriesInstanceUid))}
              ?disabled=${opened.state === 'loading'}
              @change=${() => {
                this._basket = toggleSeries(this._basket, study, opened.series, one.seriesInstanceUid);
              }}
            /><span>${[one.number, one.description].filter(Boolean).join(' · ') || 'Series without a description'}</span></label
          >
        </td>
        <td>${one.modality ? html`<span class="mod">${one.modality}</span>` : MISSING}</td>
        ${this._narrow ? nothing : html`<td></td>`}
        <td class="num">${formatCount(one.instances)}</td>
        ${this._narrow ? nothing : html`<td></td>`}
      </tr>`,
    )}`;
  }

  #foot(): TemplateResult | typeof nothing {
    const { studies, state, limited } = this._found;
    if (state === 'done' && studies.length === 0) {
      return html`<div class="empty">
        <h2>No study matches</h2>
        <p>
          ${
            this._filters.period === 'all'
              ? 'Try fewer letters, or * for what you are not sure of.'
              : 'Try a longer period, fewer letters, or * for what you are not sure of.'
          }
        </p>
        ${
          this._filters.period === 'all'
            ? nothing
            : html`<wa-button appearance="outlined" @click=${() => this.#set({ period: 'all' }, 'now')}>Search any time</wa-button>`
        }
      </div>`;
    }
    if (state === 'idle' && this._sources !== undefined) {
      return html`<div class="empty">Choose a source and press Enter.</div>`;
    }
    if (!limited) return nothing;
    return html`<div class="foot">
      The source has more than these ${formatCount(studies.length)} studies.
      ${
        this.#limit < LAST_LIMIT
          ? html`<wa-button appearance="outlined"
            size="s"
            @click=${() => {
              this.#limit = LAST_LIMIT;
              this.#startSearch();
            }}
            >Show more</wa-button
          >`
          : 'Narrow the search to see the others.'
      }
    </div>`;
  }

  async #loadNodes(): Promise<void> {
    this._problem = undefined;
    try {
      const nodes = await this.api.listNodes({ signal: this.#listening.signal });
      this._sources = nodes.filter((node) => node.source);
      this._destinations = nodes.filter((node) => node.destination);
      const wanted = this._sources.find(({ id }) => id === this._filters.node) ?? this._sources[0];
      this._filters = { ...this._filters, node: wanted?.id ?? '' };
      if (wanted) this.#startSearch();
    } catch (error) {
      if (!this.#listening.signal.aborted) this._problem = problemText(error);
    }
  }

  #onSource(event: Event): void {
    const node = String((event.target as WaSelect).value ?? '');
    if (node === this._filters.node) return;
    this._basket = new Map();
    this.#set({ node }, 'now');
  }

  #submit(event: SubmitEvent): void {
    event.preventDefault();
    this.#startSearch();
  }

  /** Takes a change of the filters; `later` waits for the last key and a text that is long enough. */
  #set(change: Partial<Filters>, when: 'now' | 'later'): void {
    this._filters = { ...this._filters, ...change };
    this.#limit = FIRST_LIMIT;
    clearTimeout(this.#delayed);
    if (when === 'now') {
      if (this._filters.period !== 'range' || this._filters.from || this._filters.to) this.#startSearch();
      return;
    }
    const texts = Object.values(change).filter((value) => typeof value === 'string');
    if (texts.every((text) => text === '' || text.length >= MIN_LENGTH)) {
      this.#delayed = setTimeout(() => this.#startSearch(), DELAY);
    }
  }

  #startSearch(): void {
    clearTimeout(this.#delayed);
    if (this._filters.node === '') return;
    this.#search?.abort();
    this.#search = new AbortController();
    this._series = new Map();
    this.dispatchEvent(
      new CustomEvent('adit-search-change', {
        detail: filtersToUrl(this._filters),
        bubbles: true,
        composed: true,
      }),
    );
    void this.#run(this.#search.signal);
  }

  #stopSearch(): void {
    this.#search?.abort();
    this._found = { ...this._found, state: 'stopped' };
  }

  async #run(signal: AbortSignal): Promise<void> {
    const studies: Study[] = [];
    this._found = { studies, state: 'searching', limited: false };
    try {
      const lines = this.api.searchStudies({
        params: { nodeId: this._filters.node },
        query: searchOf(this._filters, this.#limit),
        signal,
      });
      for await (const line of lines) {
        if (signal.aborted) return;
        if ('study' in line) {
          insertNewestFirst(studies, line.study);
          this._found = { studies, state: 'searching', limited: false };
        } else if ('end' in line) {
          this._found = { studies, state: 'done', limited: line.end.limited };
        }
      }
    } catch (error) {
      if (!signal.aborted)
        this._found = { studies, state: 'failed', limited: false, problem: problemText(error) };
    }
  }

  #toggleStudy(study: Study): void {
    this._basket = toggleStudy(this._basket, study);
  }

  #toggleAll(choose: boolean): void {
    const next = new Map(this._basket);
    for (const study of this._found.studies) {
      if (choose) next.set(study.studyInstanceUid, { study });
      else next.delete(study.studyInstanceUid);
    }
    this._basket = next;
  }

  async #toggleSeriesOf(study: Study): Promise<void> {
    const uid = study.studyInstanceUid;
    const set = (value: SeriesOfStudy | undefined) => {
      const next = new Map(this._series);
      if (value) next.set(uid, value);
      else next.delete(uid);
      this._series = next;
    };
    if (this._series.has(uid)) return set(undefined);
    const series: Series[] = [];
    set({ series, state: 'loading' });
    try {
      const lines = this.api.listSeries({
        params: { nodeId: this._filters.node, studyInstanceUid: uid },
        ...(study.patientId ? { query: { patientId: study.patientId } } : {}),
        signal: this.#listening.signal,
      });
      for await (const line of lines) if ('series' in line) series.push(line.series);
      series.sort((a, b) => Number(a.number ?? Number.NaN) - Number(b.number ?? Number.NaN) || 0);
      if (this._series.has(uid)) set({ series, state: 'done' });
    } catch (error) {
      if (this._series.has(uid)) set({ series, state: 'failed', problem: problemText(error) });
    }
  }

  readonly #onKey = (event: KeyboardEvent): void => {
    if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event)) return;
    const rows = [...this.renderRoot.querySelectorAll<HTMLTableRowElement>('tr.study')];
    const focused = (this.renderRoot as ShadowRoot).activeElement;
    const at = rows.findIndex((row) => row === focused || row.contains(focused));
    const study = this._found.studies.find(
      ({ studyInstanceUid }) => studyInstanceUid === rows[at]?.dataset.uid,
    );
    switch (event.key) {
      case 'j':
        rows[Math.min(at + 1, rows.length - 1)]?.focus();
        break;
      case 'k':
        rows[Math.max(at - 1, 0)]?.focus();
        break;
      case 'x':
        if (study) this.#toggleStudy(study);
        break;
      case 'Enter':
        if (!study || focused !== rows[at]) return;
        void this.#toggleSeriesOf(study);
        break;
      default:
        return;
    }
    event.preventDefault();
  };
}

const skeletonRow = html`<tr aria-hidden="true">
  <td></td>
  <td><span class="skeleton"></span></td>
  <td class="wide"><span class="skeleton"></span></td>
  <td class="wide"><span class="skeleton"></span></td>
  <td><span class="skeleton"></span></td>
  <td><span class="skeleton"></span></td>
  <td class="wide"><span class="skeleton"></span></td>
  <td class="num"><span class="skeleton"></span></td>
  <td class="wide"><span class="skeleton"></span></td>
</tr>`;

function insertNewestFirst(studies: Study[], study: Study): void {
  const time = (one: Study) => `${one.studyDate ?? ''} ${one.studyTime ?? ''}`;
  const at = studies.findIndex((one) => time(one) < time(study));
  if (at < 0) studies.push(study);
  else studies.splice(at, 0, study);
}

customElements.define('adit-study-search', AditStudySearch);

declare global {
  interface HTMLElementTagNameMap {
    'adit-study-search': AditStudySearch;
  }
}
