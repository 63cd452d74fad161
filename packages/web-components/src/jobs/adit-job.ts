import { ApiError, type Job, type LiveEvent, type Reason, type Task, type TaskState } from '@adit/client';
import { css, html, nothing, type TemplateResult } from 'lit';
import { repeat } from 'lit/directives/repeat.js';
import '@awesome.me/webawesome/dist/components/button/button.js';
import { AditElement } from '../base/adit-element.ts';
import { formatBytes, formatCount, formatDuration, formatTime, MISSING } from '../base/format.ts';
import { icon } from '../base/icons.ts';
import { LiveEvents } from '../base/live.ts';
import { problemText } from '../base/problem.ts';
import { problemNotice } from '../base/problem-notice.ts';
import { outcomeChip, stateChip } from '../base/state-chip.ts';
import { progressBar, progressStyles } from './progress.ts';
import { Rate } from './rate.ts';

type Action = Job['actions'][number];

const ACTIONS: Partial<Record<Action, string>> = {
  resume: 'Resume',
  retry: 'Retry failed',
  cancel: 'Cancel',
};

/** From what needs attention most to what needs it least. */
const OUTCOMES: readonly Reason['outcome'][] = ['failed', 'held', 'warning', 'skipped'];

const VERIFIED_BY: Record<NonNullable<Task['verification']>, string> = {
  image: 'by their UIDs',
  count: 'by their number',
  commitment: 'by storage commitment',
  reread: 'by reading again',
  none: 'not verified',
};

/** One job with its studies, live. */
export class AditJob extends AditElement {
  static override styles = [
    AditElement.styles,
    progressStyles,
    css`
      .route {
        margin-bottom: 12px;
      }
      .summary {
        padding: 14px;
      }
      .line {
        display: flex;
        justify-content: space-between;
        gap: 12px;
        flex-wrap: wrap;
        margin-bottom: 8px;
      }
      .chips {
        display: flex;
        gap: 8px;
        margin-top: 10px;
        flex-wrap: wrap;
        min-height: 24px;
      }
      .tiles {
        display: grid;
        grid-template-columns: repeat(4, 1fr);
        gap: 12px;
        margin: 12px 0 20px;
      }
      .tile {
        padding: 12px 14px;
      }
      .tile span,
      .tile em {
        color: var(--muted);
        font-size: var(--size-0);
        font-style: normal;
        display: block;
      }
      .tile b {
        display: block;
        font-size: var(--size-3);
        line-height: 28px;
        font-weight: 620;
      }
      .reasons {
        margin-bottom: 20px;
      }
      .reason {
        display: flex;
        gap: 12px;
        align-items: center;
        padding: 10px 14px;
        border-top: 1px solid var(--line);
      }
      .reason:first-child {
        border-top: 0;
      }
      h2 {
        margin: 0 0 8px;
      }
      th.state {
        width: 148px;
      }
      th.images {
        min-width: 96px;
      }
      .message {
        padding-top: 8px;
        padding-bottom: 8px;
      }
      .uid {
        max-width: 260px;
        overflow: hidden;
        text-overflow: ellipsis;
      }
      .message {
        white-space: normal;
        min-width: 160px;
        max-width: 360px;
      }
      .outcome {
        margin: 12px 0 0;
      }
      @media (max-width: 720px) {
        .tiles {
          grid-template-columns: 1fr 1fr;
        }
        .tile b {
          font-size: var(--size-2);
          white-space: nowrap;
        }
        .wide {
          display: none;
        }
        tbody td,
        th {
          padding-left: 8px;
          padding-right: 8px;
        }
        .uid {
          max-width: 110px;
        }
      }
    `,
  ];

  static override properties = {
    ...AditElement.properties,
    jobId: { type: String, attribute: 'job-id' },
    _job: { state: true },
    _tasks: { state: true },
    _problem: { state: true },
    _missing: { state: true },
    _busy: { state: true },
  };

  declare jobId: string | undefined;
  declare private _job: Job | undefined;
  declare private _tasks: readonly Task[] | undefined;
  declare private _problem: string | undefined;
  declare private _missing: boolean;
  declare private _busy: Action | undefined;

  #rate = new Rate();
  #clock: ReturnType<typeof setInterval> | undefined;
  /** Events that came while the job was being read: what was read may be older. Undefined while nothing is read. */
  #meanwhile: LiveEvent[] | undefined;

  readonly #live = new LiveEvents(this, {
    jobId: () => this.jobId,
    onEvent: (event) => {
      this.#meanwhile?.push(event);
      this.#take(event);
    },
    onReconnect: () => void this.#load(),
  });

  override connectedCallback(): void {
    super.connectedCallback();
    // Durations go on while nothing happens.
    this.#clock = setInterval(() => this._job?.state === 'running' && this.requestUpdate(), 1_000);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    clearInterval(this.#clock);
  }

  override updated(changed: Map<PropertyKey, unknown>): void {
    if (!changed.has('jobId') || this.jobId === undefined) return;
    this._job = undefined;
    this._tasks = undefined;
    this._missing = false;
    this.#rate = new Rate();
    this.#live.restart();
    void this.#load();
  }

  override render() {
    if (this._missing) {
      return html`<div class="empty card">
        <h1>There is no job ${this.jobId}</h1>
        <p>It was removed, or it belongs to somebody else.</p>
        <wa-button appearance="outlined" href=${this.link('/jobs')}>All jobs</wa-button>
      </div>`;
    }
    const job = this._job;
    return html`
      <div class="head">
        <h1>Job ${this.jobId}</h1>
        <span role="status" aria-live="polite">${job ? stateChip(job.state) : nothing}</span>
        <span class="grow"></span>
        ${job?.actions.map((action) => this.#button(action))}
      </div>
      ${problemNotice(this._problem, () => this.#load())}
      ${job ? html`${this.#summary(job)} ${this.#tiles(job)} ${this.#attention()} ${this.#studies()}` : loading}
      ${this.#live.notice()}
    `;
  }

  #button(action: Action): TemplateResult | typeof nothing {
    const label = ACTIONS[action];
    if (label === undefined) return nothing;
    return html`<wa-button appearance="outlined" ?loading=${this._busy === action} ?disabled=${this._busy !== undefined} @click=${() => this.#act(action)}
      >${label}</wa-button
    >`;
  }

  #summary(job: Job): TemplateResult {
    const { counts, tasks } = job;
    const done = tasks.success + tasks.warning + tasks.failure;
    const canceled = job.state === 'canceled';
    const notSent = this.#failedIn('canceled');
    const again = this.#failedIn('pending', 'running');
    const failed = Math.max(0, counts.failed - notSent - again);
    const waiting = (counts.expected ?? 0) - counts.stored - counts.skipped - counts.failed - counts.held;
    return html`<p class="muted route">
        ${job.source.name} → ${job.destination.name} · ${job.owner} ·
        ${job.startedAt ? `started ${formatTime(job.startedAt)}` : `asked for ${formatTime(job.createdAt)}`}
      </p>
      <div class="card summary">
        <div class="line">
          <b>${formatCount(done)} of ${formatCount(tasks.total)} ${tasks.total === 1 ? 'study' : 'studies'}</b>
          <span class="muted">${job.message}</span>
        </div>
        ${progressBar({ ...counts, failed }, 'Progress of the job')}
        <div class="chips">
          ${counts.stored > 0 ? html`<span class="chip ok">${icon('check', 12)}${formatCount(counts.stored)} stored</span>` : nothing}
          ${counts.warnings > 0 ? outcomeChip('warning', formatCount(counts.warnings)) : nothing}
          ${counts.skipped > 0 ? outcomeChip('skipped', formatCount(counts.skipped)) : nothing}
          ${failed > 0 ? outcomeChip('failed', formatCount(failed)) : nothing}
          ${counts.held > 0 ? outcomeChip('held', formatCount(counts.held)) : nothing}
          ${
            again > 0
              ? html`<span class="chip wait">${icon('refresh', 12)}${formatCount(again)} to be tried again</span>`
              : nothing
          }
          ${
            notSent > 0
              ? html`<span class="chip wait">${icon('stop', 12)}${formatCount(notSent)} not transferred</span>`
              : nothing
          }
          ${
            waiting > 0 && !canceled
              ? html`<span class="chip wait">${icon('clock', 12)}${formatCount(waiting)} to come</span>`
              : nothing
          }
        </div>
        ${canceled ? this.#afterCancel(job) : nothing}
      </div>`;
  }

  /** Says what a canceled job leaves behind. */
  #afterCancel(job: Job): TemplateResult {
    const { stored, skipped } = job.counts;
    const there = stored + skipped;
    const images = `${formatCount(there)} ${there === 1 ? 'image is' : 'images are'}`;
    return html`<p class="outcome">
      ${
        there === 0
          ? `Nothing was transferred to ${job.destination.name}.`
          : `${images} at ${job.destination.name} and stay there.`
      }
      ${job.actions.includes('resume') ? 'Resume transfers what is missing.' : ''}
    </p>`;
  }

  /**
   * Images that the studies in some states have not got to the destination. Where a study was canceled or will be tried again
   * they are no failures: the user need not do anything about them.
   */
  #failedIn(...states: TaskState[]): number {
    return (this._tasks ?? [])
      .filter(({ state }) => states.includes(state))
      .reduce((sum, { counts }) => sum + counts.failed, 0);
  }

  #tiles(job: Job): TemplateResult {
    const { counts } = job;
    const seconds = secondsOf(job);
    const running = job.state === 'running';
    const rate = running ? this.#rate.bytesPerSecond : seconds ? counts.bytes / seconds : undefined;
    const accounted = counts.stored + counts.skipped + counts.failed + counts.held;
    const complete = counts.expected !== undefined && accounted === counts.expected && !running;
    return html`<div class="tiles">
      ${tile(
        'Images',
        `${formatCount(counts.stored + counts.skipped)} / ${formatCount(counts.expected)}`,
        complete ? 'all accounted for' : running && counts.expected === undefined ? 'still counting' : '',
      )}
      ${tile('Verified', formatCount(counts.verified), this.#verifiedBy())}
      ${tile('Moved', formatBytes(counts.bytes), 'streamed, never kept on the way')}
      ${tile('Time', seconds === undefined ? MISSING : formatDuration(seconds), rate === undefined ? '' : `${formatBytes(rate)}/s`)}
    </div>`;
  }

  #verifiedBy(): string {
    const ways = new Set(
      (this._tasks ?? []).map(({ verification }) => verification).filter((way) => way !== undefined),
    );
    return [...ways].map((way) => VERIFIED_BY[way]).join(', ');
  }

  /** Reasons of all studies together, the gravest and then the most frequent first. */
  #attention(): TemplateResult | typeof nothing {
    const reasons = new Map<string, Reason>();
    const tasks = (this._tasks ?? []).filter(({ state }) => state !== 'canceled');
    for (const reason of tasks.flatMap((task) => task.reasons)) {
      if (reason.outcome === 'skipped') continue;
      const key = `${reason.outcome} ${reason.message}`;
      const known = reasons.get(key);
      reasons.set(key, { ...reason, count: (known?.count ?? 0) + reason.count });
    }
    if (reasons.size === 0) return nothing;
    return html`<h2>What needs attention</h2>
      <div class="card reasons">
        ${[...reasons.values()]
          .sort((a, b) => OUTCOMES.indexOf(a.outcome) - OUTCOMES.indexOf(b.outcome) || b.count - a.count)
          .map(
            (reason) => html`<div class="reason">
              ${outcomeChip(reason.outcome, formatCount(reason.count))}<span>${reason.message}</span>
            </div>`,
          )}
      </div>`;
  }

  #studies(): TemplateResult {
    const tasks = this._tasks ?? [];
    const pseudonyms = tasks.some(({ pseudonym }) => pseudonym !== undefined);
    return html`<h2>Studies</h2>
      <div class="card scroll">
        <table aria-label="Studies of the job" aria-busy=${this._tasks === undefined}>
          <thead>
            <tr>
              ${pseudonyms ? html`<th scope="col">Pseudonym</th>` : nothing}
              <th scope="col" class=${pseudonyms ? 'wide' : ''}>Study</th>
              <th scope="col" class="state">State</th>
              <th scope="col" class="num images">Images</th>
              <th scope="col" class="num wide">Size</th>
              <th scope="col" class="num wide">Time</th>
              <th scope="col" class="wide">Remarks</th>
            </tr>
          </thead>
          <tbody>
            ${repeat(
              tasks,
              ({ id }) => id,
              (task) => this.#row(task, pseudonyms),
            )}
          </tbody>
        </table>
      </div>`;
  }

  #row(task: Task, pseudonyms: boolean): TemplateResult {
    const { counts } = task;
    const seconds = secondsOf(task);
    const remark = task.retryAt ? `${task.message} Next attempt ${formatTime(task.retryAt)}.` : task.message;
    return html`<tr>
      ${pseudonyms ? html`<td class="mono">${task.pseudonym ?? MISSING}</td>` : nothing}
      <td class="mono uid ${pseudonyms ? 'wide' : ''}" title=${task.studyInstanceUid}>${task.studyInstanceUid}</td>
      <td>${stateChip(task.state)}</td>
      <td class="num">${formatCount(counts.stored + counts.skipped)} / ${formatCount(counts.expected)}</td>
      <td class="num wide">${formatBytes(counts.bytes)}</td>
      <td class="num wide">${seconds === undefined ? MISSING : formatDuration(seconds)}</td>
      <td class="message wide">${remark || MISSING}</td>
    </tr>`;
  }

  async #load(): Promise<void> {
    const { jobId } = this;
    if (jobId === undefined) return;
    this._problem = undefined;
    const meanwhile: LiveEvent[] = [];
    this.#meanwhile = meanwhile;
    try {
      const params = { jobId };
      const job = await this.api.getJob({ params });
      const tasks: Task[] = [];
      for (let after: string | undefined; ; ) {
        const query = { limit: 1000, ...(after === undefined ? {} : { after }) };
        const page = await this.api.listTasks({ params, query });
        tasks.push(...page.tasks);
        after = page.next;
        if (after === undefined) break;
      }
      if (jobId !== this.jobId) return;
      this.#takeJob(job);
      this._tasks = tasks;
      for (const event of meanwhile) this.#take(event);
    } catch (error) {
      if (jobId !== this.jobId) return;
      if (error instanceof ApiError && error.status === 404) this._missing = true;
      else this._problem = problemText(error);
    } finally {
      if (this.#meanwhile === meanwhile) this.#meanwhile = undefined;
    }
  }

  #take(event: LiveEvent): void {
    if (event.type === 'job') this.#takeJob(event.job);
    else this.#takeTask(event.task);
  }

  #takeJob(job: Job): void {
    if (job.id !== this.jobId) return;
    this.#rate.add(job.counts.bytes);
    this._job = job;
  }

  #takeTask(task: Task): void {
    if (task.jobId !== this.jobId || !this._tasks) return;
    this._tasks = this._tasks.map((one) => (one.id === task.id ? task : one));
  }

  async #act(action: Action): Promise<void> {
    if (this.jobId === undefined) return;
    const request = { params: { jobId: this.jobId } };
    this._busy = action;
    this._problem = undefined;
    try {
      switch (action) {
        case 'cancel':
          this.#takeJob(await this.api.cancelJob(request));
          break;
        case 'resume':
          this.#takeJob(await this.api.resumeJob(request));
          break;
        case 'retry':
          this.#takeJob(await this.api.retryJob(request));
          break;
      }
    } catch (error) {
      this._problem = problemText(error);
    } finally {
      this._busy = undefined;
    }
  }
}

/** Seconds that something took, or has taken so far. */
function secondsOf({
  startedAt,
  endedAt,
}: {
  startedAt?: string | undefined;
  endedAt?: string | undefined;
}): number | undefined {
  if (startedAt === undefined) return undefined;
  const end = endedAt === undefined ? Date.now() : Date.parse(endedAt);
  return Math.max(0, (end - Date.parse(startedAt)) / 1000);
}

function tile(label: string, value: string, remark: string): TemplateResult {
  return html`<div class="card tile"><span>${label}</span><b>${value}</b><em>${remark || '\u00a0'}</em></div>`;
}

const loading = html`<div class="card summary" aria-hidden="true"><span class="skeleton"></span></div>`;

customElements.define('adit-job', AditJob);

declare global {
  interface HTMLElementTagNameMap {
    'adit-job': AditJob;
  }
}
