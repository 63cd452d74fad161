import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { syntheticStudy } from '@adit/core/synthetic';
import { type Archive, type ArchiveScp, createArchiveScp, DimseError } from '@adit/dimse';
import { z } from 'zod';
import { ServerError } from '../errors.ts';
import { demoStudies } from './demo-studies.ts';

const HOST = '127.0.0.1';
/** Demo A has the studies; Demo B is there to send them to. */
const AE_TITLES = ['DEMO_A', 'DEMO_B'] as const;
type DemoAeTitle = (typeof AE_TITLES)[number];
const STATE_FILE = 'demo.json';

const stateSchema = z.object({
  /** The day the demo was first started: the studies are dated by it, for ever. */
  firstDay: z.string().regex(/^\d{8}$/),
  /** Are all studies generated? */
  filled: z.boolean(),
  ports: z.partialRecord(z.enum(AE_TITLES), z.int().min(1).max(65535)),
});
type DemoState = z.infer<typeof stateSchema>;

export interface DemoNodesOptions {
  /** The server's data directory; the demo has a folder of its own in it. */
  dataDirectory: string;
  /**
   * Ports to listen on; another must not have them. Default: those of the last run if they are free, else any free ones.
   */
  ports?: Partial<Record<DemoAeTitle, number>>;
  /** Stops the generation; what is done remains. */
  signal?: AbortSignal;
}

/** One of the two demo servers, as a node to be configured. */
export interface DemoNode {
  name: string;
  aeTitle: DemoAeTitle;
  host: string;
  port: number;
}

export interface DemoNodes extends AsyncDisposable {
  readonly nodes: readonly DemoNode[];
  close(): Promise<void>;
}

function today(): string {
  const now = new Date();
  const two = (value: number) => String(value).padStart(2, '0');
  return `${now.getFullYear()}${two(now.getMonth() + 1)}${two(now.getDate())}`;
}

async function readState(path: string): Promise<DemoState> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (text === undefined) return { firstDay: today(), filled: false, ports: {} };
  try {
    return stateSchema.parse(JSON.parse(text));
  } catch (cause) {
    throw new ServerError('DEMO_STATE', `The demo cannot read ${path}; remove it to start the demo anew.`, {
      cause,
    });
  }
}

/** Replaces the file as a whole: a run that is killed leaves the old one or the new one. */
async function writeState(path: string, state: DemoState): Promise<void> {
  await writeFile(`${path}.new`, `${JSON.stringify(state, null, 2)}\n`, { mode: 0o600 });
  await rename(`${path}.new`, path);
}

/** Starts an archive on the wanted port, else on the remembered one, else on any. */
async function startArchive(
  aeTitle: DemoAeTitle,
  folder: string,
  wanted: number | undefined,
  remembered: number | undefined,
): Promise<ArchiveScp> {
  const start = (port: number) => createArchiveScp({ folder, aeTitle, host: HOST, port });
  if (wanted !== undefined) return await start(wanted);
  if (remembered === undefined) return await start(0);
  try {
    return await start(remembered);
  } catch (error) {
    // Somebody else has it by now.
    if (error instanceof DimseError && error.code === 'LISTEN') return await start(0);
    throw error;
  }
}

/** Generates what the archive lacks: all of it on the first run, the rest after an interrupted one. */
async function fill(archive: Archive, firstDay: string, signal: AbortSignal | undefined): Promise<void> {
  const instances = demoStudies(firstDay).flatMap(syntheticStudy);
  const missing = instances.filter(({ sopInstanceUid }) => !archive.has(sopInstanceUid)).values();
  async function storeMissing(): Promise<void> {
    // All workers draw from one list.
    for (const instance of missing) {
      signal?.throwIfAborted();
      const { state, message } = await archive.store(instance);
      if (state === 'failed') {
        throw new ServerError(
          'DEMO_FILL',
          `The demo studies cannot be written to ${archive.folder}. ${message}`,
        );
      }
    }
  }
  await Promise.all(Array.from({ length: archive.concurrency ?? 1 }, storeMissing));
}

/**
 * Starts the two demo servers on this machine alone, and fills the first with generated studies if that is not yet done.
 *
 * Data and ports live in `<dataDirectory>/demo` and outlast restarts; a generation that was interrupted is completed.
 * Throws `ServerError` when the studies cannot be written, `DimseError` with code `LISTEN` when a port of `ports` is
 * taken.
 */
export async function startDemoNodes(options: DemoNodesOptions): Promise<DemoNodes> {
  const { dataDirectory, ports = {}, signal } = options;
  const folder = join(dataDirectory, 'demo');
  const statePath = join(folder, STATE_FILE);
  await mkdir(folder, { recursive: true });
  let state = await readState(statePath);

  await using started = new AsyncDisposableStack();
  const archives: ArchiveScp[] = [];
  for (const aeTitle of AE_TITLES) {
    const archive = await startArchive(aeTitle, join(folder, aeTitle), ports[aeTitle], state.ports[aeTitle]);
    archives.push(started.use(archive));
  }
  state = { ...state, ports: Object.fromEntries(archives.map(({ aeTitle, port }) => [aeTitle, port])) };
  // Before the first study: the next run must give the same studies the same dates.
  await writeState(statePath, state);

  if (!state.filled) {
    await fill(archives[0]!.archive, state.firstDay, signal);
    await writeState(statePath, { ...state, filled: true });
  }

  const running = started.move();
  return {
    nodes: AE_TITLES.map((aeTitle, i) => ({
      name: aeTitle === 'DEMO_A' ? 'Demo A' : 'Demo B',
      aeTitle,
      host: HOST,
      port: archives[i]!.port,
    })),
    close: () => running.disposeAsync(),
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}
