import { DicomError, type TransferCounts, type TransferReason, type Verification } from '@adit/core';
import type { TlsReport } from '@adit/dimse';

/** Counts of the summary line; the names are a contract that scripts rely on. */
export interface SummaryCounts {
  expected: number;
  /** Stored at the destination. */
  instances: number;
  skipped: number;
  verified: number;
  verification: Verification;
  warnings: number;
  failed: number;
  held: number;
  /** Data-set bytes accepted. */
  bytes: number;
  /** From the first connection to the last answer. */
  seconds: number;
}

/** A summary before anything has happened. */
export const NO_COUNTS: Readonly<SummaryCounts> = {
  expected: 0,
  instances: 0,
  skipped: 0,
  verified: 0,
  verification: 'none',
  warnings: 0,
  failed: 0,
  held: 0,
  bytes: 0,
  seconds: 0,
};

export interface Summary extends Partial<SummaryCounts> {
  ok: boolean;
  /** Of `find`. */
  matches?: number;
  /** Of `leaks`: places in which an identifier is. */
  leaks?: number;
  /** Of `echo` over TLS. */
  tls?: TlsReport;
}

/** How far a transfer is. */
type Progress = Readonly<Omit<TransferCounts, 'excluded'>>;

/**
 * What a command says. On a terminal: sentences on stdout and one line of progress that is written over; with `--json`:
 * one object a line on stdout and nothing else there. Reasons go to stderr either way.
 */
export class Output {
  readonly json: boolean;
  readonly #started = performance.now();
  #progressShown = false;
  #lastProgress = 0;
  #summarized = false;

  constructor(options: { json?: boolean } = {}) {
    this.json = options.json ?? false;
  }

  /** A sentence for people. */
  say(text: string): void {
    if (this.json) return;
    this.#clearProgress();
    process.stdout.write(`${text}\n`);
  }

  /** An object for programs; `text` says the same to people. */
  event(object: Record<string, unknown>, text?: string): void {
    if (this.json) process.stdout.write(`${JSON.stringify(object)}\n`);
    else if (text !== undefined) this.say(text);
  }

  /** A remark or a reason. */
  remark(text: string): void {
    this.#clearProgress();
    process.stderr.write(`${text}\n`);
  }

  /** Shows counts, at most twice a second as JSON and ten times on a terminal. */
  progress(counts: Progress, seconds: number): void {
    const now = performance.now();
    if (now - this.#lastProgress < (this.json ? 500 : 100)) return;
    this.#lastProgress = now;
    if (this.json) {
      this.event({ event: 'progress', ...counts, instances: counts.stored, seconds });
    } else if (process.stderr.isTTY) {
      this.#progressShown = true;
      process.stderr.write(`\r\x1b[K${progressLine(counts, seconds)}`);
    }
  }

  /** The last line of every command. */
  summary(summary: Summary, text?: string): void {
    if (this.#summarized) return;
    this.#summarized = true;
    this.#clearProgress();
    if (!this.json) {
      if (text !== undefined) process.stdout.write(`${text}\n`);
      return;
    }
    const wall = round(process.uptime());
    process.stdout.write(`${JSON.stringify({ event: 'summary', ...NO_COUNTS, ...summary, wall })}\n`);
  }

  /** Seconds since this command began its work. */
  seconds(): number {
    return round((performance.now() - this.#started) / 1000);
  }

  #clearProgress(): void {
    if (!this.#progressShown) return;
    this.#progressShown = false;
    process.stderr.write('\r\x1b[K');
  }
}

/** Writes reasons to stderr, one a line. `thing` is what was struck. */
export function tellReasons(
  output: Output,
  reasons: readonly TransferReason[],
  thing: 'instance' | 'file' = 'instance',
): void {
  for (const { outcome, count, message } of reasons) {
    output.remark(`${count} ${count === 1 ? thing : `${thing}s`} ${OUTCOME_WORDS[outcome]}: ${message}`);
  }
}

const OUTCOME_WORDS = {
  failed: 'failed',
  held: 'held back',
  warning: 'stored with a remark',
  skipped: 'skipped',
} as const satisfies Record<TransferReason['outcome'], string>;

/** The one sentence an error becomes. Errors that are not ours are bugs and say so. */
export function errorSentence(error: unknown): string {
  if (error instanceof DicomError) return error.message;
  if (error instanceof Error && 'code' in error && typeof error.code === 'string' && 'syscall' in error) {
    return systemErrorSentence(error as NodeJS.ErrnoException);
  }
  const detail = process.env.ADIT_DEBUG && error instanceof Error ? `\n${error.stack}` : '';
  return `Something unexpected went wrong; run again with ADIT_DEBUG=1 to see where.${detail}`;
}

function systemErrorSentence(error: NodeJS.ErrnoException): string {
  const what = error.path ?? 'the file';
  switch (error.code) {
    case 'ENOENT':
      return `${what} does not exist.`;
    case 'EACCES':
    case 'EPERM':
      return `${what} may not be accessed by this user: check its permissions.`;
    case 'ENOTDIR':
      return `${what} is not a folder.`;
    case 'EISDIR':
      return `${what} is a folder, a file is needed.`;
    case 'ENOSPC':
      return `The disk that holds ${what} is full.`;
    case 'EROFS':
      return `The file system that holds ${what} is read-only.`;
    default:
      return `${what} cannot be used (${error.code}).`;
  }
}

/**
 * How far a transfer is, in one line: a bar and the time left where it is known how many instances there are, their
 * number, bytes and the rate so far.
 */
export function progressLine(counts: Progress, seconds: number): string {
  const done = counts.stored + counts.skipped + counts.failed + counts.held;
  const parts = [`${done}${counts.expected === undefined ? '' : ` of ${counts.expected}`} instances`];
  parts.push(formatBytes(counts.bytes));
  if (seconds > 0) parts.push(`${formatBytes(counts.bytes / seconds)}/s`);
  if (!counts.expected || done === 0) return parts.join(' · ');

  const share = Math.min(1, done / counts.expected);
  // Of the first seconds nothing can be told: connections are being opened, and instances differ in size.
  if (seconds >= 2 && share < 1) parts.push(`${formatDuration((seconds / share) * (1 - share))} left`);
  const filled = Math.floor(share * BAR_WIDTH);
  return `[${'='.repeat(filled)}${' '.repeat(BAR_WIDTH - filled)}] ${parts.join(' · ')}`;
}

const BAR_WIDTH = 20;

/** Seconds as a clock shows them: `0:09`, `12:30`, `1:02:30`. */
function formatDuration(seconds: number): string {
  const whole = Math.ceil(seconds);
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  const two = (part: number) => `${part}`.padStart(2, '0');
  const rest = two(whole % 60);
  return hours > 0 ? `${hours}:${two(minutes)}:${rest}` : `${minutes}:${rest}`;
}

/** Bytes with a decimal unit: `212 MB`. */
export function formatBytes(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let value = bytes;
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${unit === 0 || value >= 10 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}

export function round(seconds: number): number {
  return Math.round(seconds * 1000) / 1000;
}
