import { type FileHandle, open } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { DicomError } from '../errors.ts';
import { Ledger, type LedgerRecord } from '../transfer/ledger.ts';
import { fileError } from './file-error.ts';

/** What a ledger is of: its first line. Whoever goes on with it must ask for the same. */
export interface LedgerHead {
  /** What is transferred. */
  selection: unknown;
  /** Of the recipe, if any: instances under two recipes are not one study. */
  recipeDigest?: string;
  /** Of the key, if any: instances under two keys are not one study. Says nothing about the key itself. */
  keyFingerprint?: string;
}

/** A ledger that is written down as it changes. */
export interface LedgerFile extends AsyncDisposable {
  readonly ledger: Ledger;
  /** Instances that were done when the file was opened. */
  readonly done: number;
  /** Waits until everything is on the disk. Throws what kept it from getting there. */
  flush(): Promise<void>;
}

export interface LedgerFileOptions {
  /** Go on with a file that is there. Default: begin a new one, which must not be there. */
  resume?: boolean;
}

/** Of the form of the file. */
const VERSION = 1;

/** Lines that wait are written together, this many milliseconds after the first of them. */
const WRITE_AFTER = 100;

/** Text in memory from which on it is written at once. */
const WRITE_FROM = 256 * 1024;

/**
 * Opens a ledger as a file of JSON Lines: the first tells what it is of, each of the others is one change of one instance
 * (`LedgerRecord`), the last of which counts. Readable by its owner alone, for it links originals with pseudonyms.
 *
 * A process that is killed may leave a line cut off: it is passed over, and what it told is done again. That an instance is
 * being received is not written: nobody who goes on needs it.
 *
 * Throws `DicomError`: `LEDGER_EXISTS`, `LEDGER_UNREADABLE`, `LEDGER_MISMATCH` (another selection, recipe or key), and what
 * `fileError` says.
 *
 * ```ts
 * await using file = await openLedgerFile('study.ledger', { selection }, { resume: true });
 * await transfer({ source, sink, selection, ledger: file.ledger });
 * ```
 */
export async function openLedgerFile(
  path: string,
  head: LedgerHead,
  options: LedgerFileOptions = {},
): Promise<LedgerFile> {
  const records = new Map<string, LedgerRecord>();
  let size = 0;
  if (options.resume) {
    const found = await readLedgerFile(path);
    checkHead(found.head, head, path);
    for (const [sop, record] of found.records) records.set(sop, record);
    size = found.wholeLines;
  }
  const file = await open(path, options.resume ? 'r+' : 'wx', 0o600).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'EEXIST') {
      throw new DicomError(
        'LEDGER_EXISTS',
        `${path} is there already: go on with it, or choose another file for the ledger.`,
      );
    }
    throw fileError(error, path, 'write');
  });
  if (options.resume) await file.truncate(size);
  const writer = new LineWriter(file, path, size);
  if (!options.resume) writer.add(`${JSON.stringify({ ledger: VERSION, ...head })}\n`);
  const ledger = new Ledger({
    records: records.values(),
    onChange(record) {
      if (record.state !== 'received') writer.add(`${JSON.stringify(briefly(record))}\n`);
    },
  });
  let done = 0;
  for (const { sop } of records.values()) if (ledger.isSettled(sop)) done += 1;
  await writer.flush();
  return {
    ledger,
    done,
    flush: () => writer.flush(),
    async [Symbol.asyncDispose]() {
      try {
        await writer.flush();
        await file.datasync();
      } finally {
        await file.close();
      }
    },
  };
}

/**
 * Reads a ledger: what it is of, and what is known last of each instance.
 *
 * Throws `DicomError`: `LEDGER_UNREADABLE`, and what `fileError` says.
 */
export async function readLedgerFile(
  path: string,
): Promise<{ head: LedgerHead; records: Map<string, LedgerRecord>; wholeLines: number }> {
  const file = await open(path, 'r').catch((error) => {
    throw fileError(error, path, 'read');
  });
  try {
    const records = new Map<string, LedgerRecord>();
    const wholeLines = await lengthOfWholeLines(file);
    if (wholeLines === 0) throw unreadable(path);
    const lines = createInterface({
      input: file.createReadStream({ start: 0, end: wholeLines - 1, encoding: 'utf8', autoClose: false }),
      crlfDelay: Number.POSITIVE_INFINITY,
    });
    let head: LedgerHead | undefined;
    for await (const line of lines) {
      const value = parse(line);
      if (head === undefined) {
        if (value?.ledger !== VERSION || !('selection' in value)) throw unreadable(path);
        const { ledger: _, ...rest } = value;
        head = rest as unknown as LedgerHead;
      } else if (typeof value?.sop === 'string' && typeof value.state === 'string') {
        const record = value as unknown as LedgerRecord;
        records.set(record.sop, { ...carriedOver(records.get(record.sop), record), ...record });
      }
    }
    return { head: head!, records, wholeLines };
  } finally {
    await file.close();
  }
}

/** Of what was verified the rest stands in the line before; that a status is 0 is said by the state. */
function briefly(record: LedgerRecord): LedgerRecord {
  if (record.state === 'verified') return { sop: record.sop, state: record.state };
  if (record.status !== 0) return record;
  const { status: _, ...rest } = record;
  return rest;
}

function carriedOver(before: LedgerRecord | undefined, { state }: LedgerRecord): Partial<LedgerRecord> {
  return state === 'verified' ? (before ?? {}) : {};
}

function checkHead(found: LedgerHead, wanted: LedgerHead, path: string): void {
  const differs = (key: keyof LedgerHead) => JSON.stringify(found[key]) !== JSON.stringify(wanted[key]);
  const other = differs('selection')
    ? 'something else'
    : differs('recipeDigest')
      ? 'another recipe'
      : differs('keyFingerprint')
        ? 'another key'
        : undefined;
  if (other === undefined) return;
  throw new DicomError(
    'LEDGER_MISMATCH',
    `${path} is the ledger of a transfer with ${other}: give the same again, or begin a new ledger.`,
  );
}

function unreadable(path: string): DicomError {
  return new DicomError('LEDGER_UNREADABLE', `${path} is not a ledger that can be read: begin a new one.`);
}

function parse(line: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

const LINE_FEED = 0x0a;

/** Without a line at the end that was cut off. */
async function lengthOfWholeLines(file: FileHandle): Promise<number> {
  const { size } = await file.stat();
  const block = Buffer.alloc(64 * 1024);
  for (let end = size; end > 0; ) {
    const start = Math.max(0, end - block.length);
    const { bytesRead } = await file.read(block, 0, end - start, start);
    const at = block.subarray(0, bytesRead).lastIndexOf(LINE_FEED);
    if (at >= 0) return start + at + 1;
    end = start;
  }
  return 0;
}

/** Writes lines in lots, in order. */
class LineWriter {
  readonly #file: FileHandle;
  readonly #path: string;
  #position: number;
  #waiting = '';
  #writing: Promise<void> = Promise.resolve();
  #timer: NodeJS.Timeout | undefined;
  #failure: DicomError | undefined;

  constructor(file: FileHandle, path: string, position: number) {
    this.#file = file;
    this.#path = path;
    this.#position = position;
  }

  add(line: string): void {
    this.#waiting += line;
    if (this.#waiting.length >= WRITE_FROM) this.#write();
    else this.#timer ??= setTimeout(() => this.#write(), WRITE_AFTER);
  }

  async flush(): Promise<void> {
    this.#write();
    await this.#writing;
    if (this.#failure) throw this.#failure;
  }

  #write(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#waiting === '') return;
    const bytes = Buffer.from(this.#waiting);
    this.#waiting = '';
    this.#writing = this.#writing.then(async () => {
      if (this.#failure) return;
      try {
        for (let at = 0; at < bytes.length; ) {
          const { bytesWritten } = await this.#file.write(bytes, at, bytes.length - at, this.#position);
          at += bytesWritten;
          this.#position += bytesWritten;
        }
      } catch (error) {
        this.#failure = fileError(error, this.#path, 'write');
      }
    });
  }
}
