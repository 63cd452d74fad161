import type { Series, Study } from '@adit/client';
import { css, html, nothing, type TemplateResult } from 'lit';
import { guard } from 'lit/directives/guard.js';
import { live } from 'lit/directives/live.js';
import { repeat } from 'lit/directives/repeat.js';
import { AditElement } from '../base/adit-element.ts';
import { formatCount, formatName, MISSING } from '../base/format.ts';
import { icon } from '../base/icons.ts';
import { isTyping } from '../base/keys.ts';
import { problemText } from '../base/problem.ts';
import { isNewestFirst } from './arrivals.ts';
import { type Basket, chosenOf, isSeriesChosen, toggleAll, toggleSeries, toggleStudy } from './basket.ts';
import { type FilterChange, filterField } from './filter-field.ts';
import { type Filters, NO_FILTERS } from './filters.ts';

interface SeriesOfStudy {
  series: readonly Series[];
  state: 'loading' | 'done' | 'failed';
  problem?: string;
}

/**
 * The studies found, with the filters in the heads of their columns. A row opens to the series of its study.
 *
 * @fires adit-basket-change - `detail` is the `Basket` with a study or series more or less
 * @fires adit-filter-change - `detail` is a `FilterChange`
 * @fires adit-newest-first - the studies are to be put in order
 */
export class AditStudyTable extends AditElement {
  static override styles = [
    AditElement.styles,
    css`
      th,
      tbody td {
        padding-left: 8px;
        padding-right: 8px;
      }
      thead tr:first-child th {
        padding-bottom: 4px;
      }
      .filters td {
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
      /* Columns keep their places, whatever is in them. */
      table {
        table-layout: fixed;
        min-width: 980px;
      }
      tbody td {
        overflow: hidden;
        text-overflow: ellipsis;
      }
      td.check,
      th.check {
        width: 36px;
        padding-right: 0;
        text-overflow: clip;
      }
      th.patient-head {
        width: 19%;
      }
      th.id {
        width: 84px;
      }
      th.born {
        width: 132px;
      }
      th.study-head {
        width: 146px;
      }
      th.modalities {
        width: 96px;
      }
      th.images {
        width: 64px;
      }
      th.accession {
        width: 100px;
      }
      .patient {
        display: flex;
        align-items: center;
        gap: 2px;
        margin-left: -6px;
      }
      .expand[aria-expanded='true'] .icon {
        transform: rotate(90deg);
      }
      .order {
        all: unset;
        cursor: pointer;
        color: var(--accent);
      }
      .order:focus-visible {
        outline: 2px solid var(--focus);
        outline-offset: 2px;
      }
      .name {
        overflow: hidden;
        text-overflow: ellipsis;
      }
      .expand:focus-visible {
        outline-offset: -2px;
      }
      .series label {
        display: inline-flex;
        gap: 8px;
        align-items: center;
        max-width: 100%;
      }
      @media (max-width: 720px) {
        .wide {
          display: none;
        }
        th,
        tbody td {
          padding-left: 6px;
          padding-right: 6px;
        }
        table {
          min-width: 340px;
        }
        td.check,
        th.check {
          width: 28px;
        }
        th.patient-head {
          width: auto;
        }
        th.study-head {
          width: 98px;
        }
        th.modalities {
          width: 76px;
        }
        th.images {
          width: 68px;
        }
        .name {
          white-space: normal;
          overflow-wrap: anywhere;
        }
        td.modalities {
          white-space: normal;
        }
      }
    `,
  ];

  static override properties = {
    ...AditElement.properties,
    node: { type: String },
    studies: { attribute: false },
    searching: { type: Boolean },
    filters: { attribute: false },
    basket: { attribute: false },
    narrow: { type: Boolean },
    _series: { state: true },
  };

  /** Id of the source the studies are in. */
  declare node: string;
  declare studies: readonly Study[];
  /** More may come. */
  declare searching: boolean;
  declare filters: Filters;
  declare basket: Basket;
  /** Shows the key columns only and no filters. */
  declare narrow: boolean;
  /** Series of the studies whose rows are open. */
  declare private _series: ReadonlyMap<string, SeriesOfStudy>;

  #connection = new AbortController();

  constructor() {
    super();
    this.node = '';
    this.studies = [];
    this.searching = false;
    this.filters = NO_FILTERS;
    this.basket = new Map();
    this.narrow = false;
    this._series = new Map();
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.#connection = new AbortController();
    addEventListener('keydown', this.#onKey, { signal: this.#connection.signal });
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#connection.abort();
    // What was still loading is asked for again when the row is opened again.
    this._series = new Map([...this._series].filter(([, { state }]) => state === 'done'));
  }

  override willUpdate(changed: Map<PropertyKey, unknown>): void {
    if (changed.has('node')) this._series = new Map();
  }

  /** Gives the focus to the row of a study. */
  focusStudy(studyInstanceUid: string): void {
    this.#rows()
      .find(({ dataset }) => dataset.uid === studyInstanceUid)
      ?.focus();
  }

  override render() {
    const { studies } = this;
    const chosen = studies.filter(
      ({ studyInstanceUid }) => chosenOf(this.basket, studyInstanceUid) !== 'none',
    );
    const all =
      studies.length > 0 &&
      studies.every(({ studyInstanceUid }) => chosenOf(this.basket, studyInstanceUid) === 'all');
    return html`<table aria-label="Studies found" aria-busy=${this.searching}>
      <thead>
        <tr>
          <th class="check">
            <input
              type="checkbox"
              aria-label="Choose all studies found"
              .checked=${live(all)}
              .indeterminate=${live(!all && chosen.length > 0)}
              ?disabled=${studies.length === 0}
              @change=${() => this.#setBasket(toggleAll(this.basket, studies, !all))}
            />
          </th>
          <th scope="col" class="patient-head">Patient</th>
          <th scope="col" class="wide id">ID</th>
          <th scope="col" class="wide born">Born</th>
          ${this.#studyHead()}
          <th scope="col" class="modalities">Modalities</th>
          <th scope="col" class="wide">Description</th>
          <th scope="col" class="num images">Images</th>
          <th scope="col" class="wide accession">Accession</th>
        </tr>
        ${this.narrow ? nothing : this.#filterRow()}
      </thead>
      <tbody>
        ${
          studies.length === 0 && this.searching
            ? Array.from({ length: 5 }, () => skeletonRow)
            : repeat(
                studies,
                (study) => study.studyInstanceUid,
                (study) => this.#guardedRow(study),
              )
        }
      </tbody>
    </table>`;
  }

  /** Studies stay where they arrived; whoever wants them in order says so here. */
  #studyHead(): TemplateResult {
    if (this.studies.length < 2) return html`<th scope="col" class="study-head">Study</th>`;
    if (isNewestFirst(this.studies))
      return html`<th scope="col" class="study-head" aria-sort="descending">Study</th>`;
    return html`<th scope="col" class="study-head" aria-sort="none">
      <button
        class="order"
        title="Newest first"
        @click=${() => this.dispatchEvent(new CustomEvent('adit-newest-first'))}
      >
        Study<span aria-hidden="true"> ↓</span><span class="visually-hidden">, newest first</span>
      </button>
    </th>`;
  }

  #filterRow(): TemplateResult {
    const onChange = (detail: FilterChange) =>
      this.dispatchEvent(new CustomEvent('adit-filter-change', { detail }));
    const field = (key: Parameters<typeof filterField>[0]) =>
      html`<td>${filterField(key, this.filters, onChange, { hideLabel: true })}</td>`;
    return html`<tr class="filters">
      <td></td>
      ${field('name')} ${field('id')} ${field('born')}
      <td></td>
      <td></td>
      ${field('description')}
      <td></td>
      ${field('accession')}
    </tr>`;
  }

  /** Draws a row only when something in it has changed: there may be a thousand. */
  #guardedRow(study: Study): unknown {
    const uid = study.studyInstanceUid;
    const parts = [study, this.basket.get(uid), this._series.get(uid), this.narrow];
    return guard(parts, () => this.#studyRow(study));
  }

  #studyRow(study: Study): TemplateResult {
    const uid = study.studyInstanceUid;
    const chosen = chosenOf(this.basket, uid);
    const opened = this._series.get(uid);
    const name = formatName(study.patientName);
    const what = `study of ${name === MISSING ? 'an unnamed patient' : name}, ${study.studyDate || 'without a date'}`;
    return html`<tr
        class="study ${chosen === 'none' ? '' : 'chosen'}"
        tabindex="-1"
        data-uid=${uid}
        @dblclick=${(event: MouseEvent) => this.#onDoubleClick(event, study)}
      >
        <td class="check">
          <input
            type="checkbox"
            aria-label="Choose ${what}"
            .checked=${live(chosen === 'all')}
            .indeterminate=${live(chosen === 'some')}
            @change=${() => this.#setBasket(toggleStudy(this.basket, study))}
          />
        </td>
        <td>
          <span class="patient"
            ><button
              class="icon-button expand"
              aria-label="Series of the ${what}"
              aria-expanded=${opened !== undefined}
              @click=${() => this.#toggleSeriesOf(study)}
            >
              ${icon('chevron', 14)}</button
            ><span class="name" title=${name}>${name}</span></span
          >
        </td>
        <td class="mono wide" title=${study.patientId ?? nothing}>${study.patientId || MISSING}</td>
        <td class="wide">${study.patientBirthDate || MISSING}</td>
        <td>${study.studyDate || MISSING}<span class="wide"> ${study.studyTime?.slice(0, 5) || MISSING}</span></td>
        <td class="modalities" title=${study.modalities.join(', ') || nothing}>
          ${study.modalities.length === 0 ? MISSING : study.modalities.map((one) => html`<span class="mod">${one}</span>`)}
        </td>
        <td class="wide" title=${study.description ?? nothing}>${study.description || MISSING}</td>
        <td class="num">${formatCount(study.instances)}</td>
        <td class="mono wide" title=${study.accessionNumber ?? nothing}>${study.accessionNumber || MISSING}</td>
      </tr>
      ${opened ? this.#seriesRows(study, opened) : nothing}`;
  }

  #seriesRows(study: Study, opened: SeriesOfStudy): TemplateResult {
    const columns = this.narrow ? 5 : 9;
    const message = (content: unknown) =>
      html`<tr class="series">
        <td></td>
        <td colspan=${columns - 1} role="status">${content}</td>
      </tr>`;
    if (opened.state === 'failed') {
      return message(html`<span class="chip bad">${icon('cross', 12)}Failed</span> ${opened.problem}`);
    }
    if (opened.state === 'loading') return message('Looking for its series');
    if (opened.series.length === 0) return message('The source knows no series of this study.');
    return html`${repeat(
      opened.series,
      (one) => one.seriesInstanceUid,
      (one) => {
        const text =
          [one.number, one.description].filter(Boolean).join(' · ') || 'Series without a description';
        return html`<tr class="series">
          <td></td>
          <td colspan=${this.narrow ? 2 : 4} title=${text}>
            <label
              ><input
                type="checkbox"
                .checked=${live(isSeriesChosen(this.basket, study.studyInstanceUid, one.seriesInstanceUid))}
                @change=${() =>
                  this.#setBasket(toggleSeries(this.basket, study, opened.series, one.seriesInstanceUid))}
              /><span>${text}</span></label
            >
          </td>
          <td>${one.modality ? html`<span class="mod">${one.modality}</span>` : MISSING}</td>
          ${this.narrow ? nothing : html`<td></td>`}
          <td class="num">${formatCount(one.instances)}</td>
          ${this.narrow ? nothing : html`<td></td>`}
        </tr>`;
      },
    )}`;
  }

  #setBasket(basket: Basket): void {
    this.dispatchEvent(new CustomEvent('adit-basket-change', { detail: basket }));
  }

  /** Two quick clicks on a check box or a button are two clicks. */
  #onDoubleClick(event: MouseEvent, study: Study): void {
    const onControl = event
      .composedPath()
      .some((target) => target instanceof HTMLButtonElement || target instanceof HTMLInputElement);
    if (!onControl) void this.#toggleSeriesOf(study);
  }

  async #toggleSeriesOf(study: Study): Promise<void> {
    const uid = study.studyInstanceUid;
    const { node } = this;
    const set = (value: SeriesOfStudy | undefined) => {
      const next = new Map(this._series);
      if (value) next.set(uid, value);
      else next.delete(uid);
      this._series = next;
    };
    if (this._series.has(uid)) return set(undefined);
    const loading: SeriesOfStudy = { series: [], state: 'loading' };
    set(loading);
    // A row that was closed meanwhile, perhaps opened again, does not want this answer.
    const wanted = () => this._series.get(uid) === loading;
    try {
      const series: Series[] = [];
      const lines = this.api.listSeries({
        params: { nodeId: node, studyInstanceUid: uid },
        ...(study.patientId ? { query: { patientId: study.patientId } } : {}),
        signal: this.#connection.signal,
      });
      for await (const line of lines) if ('series' in line) series.push(line.series);
      series.sort(
        (a, b) =>
          Number(a.number ?? Number.POSITIVE_INFINITY) - Number(b.number ?? Number.POSITIVE_INFINITY) || 0,
      );
      if (wanted()) set({ series, state: 'done' });
    } catch (error) {
      if (wanted()) set({ series: [], state: 'failed', problem: problemText(error) });
    }
  }

  #rows(): HTMLTableRowElement[] {
    return [...this.renderRoot.querySelectorAll<HTMLTableRowElement>('tr.study')];
  }

  readonly #onKey = (event: KeyboardEvent): void => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || isTyping(event)) return;
    const rows = this.#rows();
    const focused = (this.renderRoot as ShadowRoot).activeElement;
    const at = rows.findIndex((row) => row === focused || row.contains(focused));
    const study = this.studies.find(({ studyInstanceUid }) => studyInstanceUid === rows[at]?.dataset.uid);
    switch (event.key) {
      case 'j':
        rows[Math.min(at + 1, rows.length - 1)]?.focus();
        break;
      case 'k':
        rows[Math.max(at - 1, 0)]?.focus();
        break;
      case 'x':
        if (study) this.#setBasket(toggleStudy(this.basket, study));
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

customElements.define('adit-study-table', AditStudyTable);

declare global {
  interface HTMLElementTagNameMap {
    'adit-study-table': AditStudyTable;
  }
}
