import type { Job, JobState } from '@adit/client';
import { css, html, nothing, type TemplateResult } from 'lit';
import { repeat } from 'lit/directives/repeat.js';
import '@awesome.me/webawesome/dist/components/button/button.js';
import '@awesome.me/webawesome/dist/components/option/option.js';
import '@awesome.me/webawesome/dist/components/select/select.js';
import type WaSelect from '@awesome.me/webawesome/dist/components/select/select.js';
import { AditElement } from '../base/adit-element.ts';
import { formatBytes, formatCount, formatTime } from '../base/format.ts';
import { LiveEvents } from '../base/live.ts';
import { problemText } from '../base/problem.ts';
import { problemNotice } from '../base/problem-notice.ts';
import { stateChip, stateWord } from '../base/state-chip.ts';
import { progressBar, progressStyles } from './progress.ts';

const STATES: readonly JobState[] = ['pending', 'running', 'success', 'warning', 'failure', 'canceled'];

/** Jobs, newest first, with live progress. */
export class AditJobList extends AditElement {
  static override styles = [
    AditElement.styles,
    progressStyles,
    css`
      th.state {
        width: 148px;
      }
      td.bar {
        min-width: 140px;
        width: 25%;
      }
      .split {
        height: 8px;
      }
      .route {
        max-width: 320px;
        overflow: hidden;
        text-overflow: ellipsis;
      }
      .head {
        align-items: flex-end;
      }
      wa-select {
        width: 180px;
      }
      .foot {
        display: flex;
        justify-content: center;
        padding: 10px;
        border-top: 1px solid var(--line);
      }
      @media (max-width: 720px) {
        .wide {
          display: none;
        }
        tbody td,
        th {
          padding-left: 8px;
          padding-right: 8px;
        }
        th.state {
          width: auto;
        }
        .route {
          white-space: normal;
          overflow-wrap: anywhere;
        }
        td.bar {
          min-width: 56px;
          width: 18%;
        }
        wa-select {
          width: 150px;
        }
      }
    `,
  ];

  static override properties = {
    ...AditElement.properties,
    all: { type: Boolean },
    _jobs: { state: true },
    _next: { state: true },
    _filter: { state: true },
    _news: { state: true },
    _problem: { state: true },
  };

  /** Jobs of everybody rather than one's own; for administrators. */
  declare all: boolean;
  declare private _jobs: readonly Job[] | undefined;
  declare private _next: string | undefined;
  declare private _filter: JobState | '';
  /** Jobs that are newer than those shown: they wait until the user wants them, so that nothing moves. */
  declare private _news: readonly Job[];
  declare private _problem: string | undefined;

  readonly #live = new LiveEvents(this, {
    all: () => this.all,
    onEvent: (event) => {
      if (event.type === 'job') this.#take(event.job);
    },
    onReconnect: () => void this.#load(),
  });

  constructor() {
    super();
    this.all = false;
    this._filter = '';
    this._news = [];
  }

  override connectedCallback(): void {
    super.connectedCallback();
    void this.updateComplete.then(() => this.#load());
  }

  override render() {
    return html`
      <div class="head">
        <h1>Jobs</h1>
        <span class="grow"></span>
        <span role="status">
          ${
            this._news.length === 0
              ? nothing
              : html`<wa-button appearance="outlined" size="s" @click=${this.#showNews}>
                Show ${formatCount(this._news.length)} new ${this._news.length === 1 ? 'job' : 'jobs'}
              </wa-button>`
          }
        </span>
        <wa-select
          label="State"
          .value=${this._filter}
          @change=${(event: Event) => {
            this._filter = ((event.target as WaSelect).value ?? '') as JobState | '';
            void this.#load();
          }}
        >
          <wa-option value="">All states</wa-option>
          ${STATES.map((state) => html`<wa-option value=${state}>${stateWord(state)}</wa-option>`)}
        </wa-select>
      </div>
      ${problemNotice(this._problem, () => this.#load())}
      <div class="card scroll">${this.#content()}</div>
      ${this.#live.notice()}
    `;
  }

  #content(): TemplateResult {
    if (this._jobs?.length === 0) {
      return html`<div class="empty">
        <h2>${this._filter === '' ? 'No jobs yet' : 'No job is in this state'}</h2>
        <p>A job is a transfer of studies from one node to another.</p>
        ${this._filter === '' ? html`<wa-button variant="brand" href=${this.link('/find')}>Find studies</wa-button>` : nothing}
      </div>`;
    }
    return html`<table aria-label="Jobs" aria-busy=${this._jobs === undefined}>
        <thead>
          <tr>
            <th scope="col">Job</th>
            <th scope="col" class="state">State</th>
            <th scope="col">From and to</th>
            <th scope="col">Progress</th>
            <th scope="col" class="num wide">Studies</th>
            <th scope="col" class="num wide">Images</th>
            <th scope="col" class="num wide">Size</th>
            <th scope="col" class="wide">Started</th>
            ${this.all ? html`<th scope="col" class="wide">Owner</th>` : nothing}
          </tr>
        </thead>
        <tbody>
          ${
            this._jobs === undefined
              ? Array.from(
                  { length: 4 },
                  () => html`<tr aria-hidden="true"><td colspan="9"><span class="skeleton"></span></td></tr>`,
                )
              : repeat(
                  this._jobs,
                  ({ id }) => id,
                  (job) => this.#row(job),
                )
          }
        </tbody>
      </table>
      ${
        this._next === undefined
          ? nothing
          : html`<div class="foot"><wa-button appearance="outlined" size="s" @click=${() => this.#load(this._next)}>Older jobs</wa-button></div>`
      }`;
  }

  #row(job: Job): TemplateResult {
    const { counts } = job;
    const done = counts.stored + counts.skipped;
    return html`<tr>
      <td><a href=${this.link(`/jobs/${job.id}`)} @click=${(event: MouseEvent) => this.#open(event, job)}>Job ${job.id}</a></td>
      <td>${stateChip(job.state)}</td>
      <td class="route" title="${job.source.name} to ${job.destination.name}">${job.source.name} → ${job.destination.name}</td>
      <td class="bar">${progressBar(counts, `Progress of job ${job.id}`, job.state === 'canceled')}</td>
      <td class="num wide">${formatCount(job.tasks.total)}</td>
      <td class="num wide">${formatCount(done)} / ${formatCount(counts.expected)}</td>
      <td class="num wide">${formatBytes(counts.bytes)}</td>
      <td class="wide">${formatTime(job.startedAt ?? job.createdAt)}</td>
      ${this.all ? html`<td class="wide">${job.owner}</td>` : nothing}
    </tr>`;
  }

  /** In the app the link leads to the job; alone in a portal the portal decides. */
  #open(event: MouseEvent, job: Job): void {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    event.stopPropagation();
    this.dispatchEvent(new CustomEvent('adit-open-job', { detail: job.id, bubbles: true, composed: true }));
  }

  async #load(before?: string): Promise<void> {
    this._problem = undefined;
    try {
      const page = await this.api.listJobs({
        query: {
          ...(this._filter === '' ? {} : { state: this._filter }),
          ...(this.all ? { all: 'true' as const } : {}),
          ...(before === undefined ? {} : { before }),
        },
      });
      this._jobs = before === undefined ? page.jobs : [...(this._jobs ?? []), ...page.jobs];
      this._next = page.next;
      if (before === undefined) this._news = [];
    } catch (error) {
      this._problem = problemText(error);
    }
  }

  #take(job: Job): void {
    if (!this._jobs) return;
    const known = this._jobs.some(({ id }) => id === job.id);
    if (known) {
      // Also when its state is no longer the one asked for: a row does not vanish under the pointer.
      this._jobs = this._jobs.map((one) => (one.id === job.id ? job : one));
      return;
    }
    const newest = Number(this._jobs[0]?.id ?? 0);
    const fits = this._filter === '' || job.state === this._filter;
    const others = this._news.filter(({ id }) => id !== job.id);
    if (Number(job.id) > newest) this._news = fits ? [job, ...others] : others;
  }

  #showNews(): void {
    this._jobs = [...this._news, ...(this._jobs ?? [])].sort((a, b) => Number(b.id) - Number(a.id));
    this._news = [];
  }
}

customElements.define('adit-job-list', AditJobList);

declare global {
  interface HTMLElementTagNameMap {
    'adit-job-list': AditJobList;
  }
}
