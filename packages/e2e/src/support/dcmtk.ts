import { mkdir } from 'node:fs/promises';
import { freePort } from './free-port.ts';
import {
  mustRun,
  type ProgramResult,
  type RunningProgram,
  runProgram,
  startProgram,
  waitUntilReady,
} from './program.ts';

/** A DIMSE node as DCMTK's tools are told of it. */
export interface DcmtkPeer {
  readonly aeTitle: string;
  readonly dicomPort: number;
}

/** DCMTK switches Nagle's algorithm off when this is set; Debian's default leaves it on. */
export const tcpNoDelay = { TCP_NODELAY: '1' } as const;

export interface StorescuOptions {
  env?: Readonly<Record<string, string>>;
  /** More arguments. Default: none. */
  args?: readonly string[];
}

/**
 * Sends files, or what lies in folders, to a peer by C-STORE. Each file goes in the transfer syntax it has. Throws when
 * one is refused.
 */
export async function storescu(
  peer: DcmtkPeer,
  paths: readonly string[],
  options: StorescuOptions = {},
): Promise<void> {
  const args = ['-aec', peer.aeTitle, '+sd', '+r', '-R', ...(options.args ?? [])];
  await mustRun('storescu', [...args, '127.0.0.1', `${peer.dicomPort}`, ...paths], {
    ...(options.env ? { env: options.env } : {}),
  });
}

export interface GetscuOptions {
  studyInstanceUid: string;
  /** Where the objects go; `ignore` receives and forgets them. */
  into: { folder: string } | 'ignore';
  env?: Readonly<Record<string, string>>;
  /** More arguments. Default: none. */
  args?: readonly string[];
}

/** Fetches a study by C-GET, its data sets as they come (`+B`). */
export async function getscu(peer: DcmtkPeer, options: GetscuOptions): Promise<ProgramResult> {
  const target = options.into === 'ignore' ? ['--ignore'] : ['+B', '-od', options.into.folder];
  if (options.into !== 'ignore') {
    await mkdir(options.into.folder, { recursive: true });
  }
  const keys = ['-k', '0008,0052=STUDY', '-k', `0020,000d=${options.studyInstanceUid}`];
  return runProgram(
    'getscu',
    [
      '-aec',
      peer.aeTitle,
      '-S',
      ...target,
      ...(options.args ?? []),
      ...keys,
      '127.0.0.1',
      `${peer.dicomPort}`,
    ],
    { ...(options.env ? { env: options.env } : {}) },
  );
}

export interface Storescp extends DcmtkPeer, AsyncDisposable {
  readonly pid: number;
}

export interface StorescpOptions {
  aeTitle?: string;
  /** Where objects go (`+B`); without it they are received and forgotten (`--ignore`). */
  folder?: string;
  env?: Readonly<Record<string, string>>;
  /** More arguments, such as an association negotiation profile. Default: none. */
  args?: readonly string[];
}

/** Starts DCMTK's storescp for all transfer syntaxes. */
export async function startStorescp(options: StorescpOptions = {}): Promise<Storescp> {
  const aeTitle = options.aeTitle ?? 'STORESCP';
  const target = options.folder ? ['+B', '-od', options.folder] : ['--ignore'];
  if (options.folder) {
    await mkdir(options.folder, { recursive: true });
  }
  for (let attempt = 1; ; attempt += 1) {
    const dicomPort = await freePort();
    const program: RunningProgram = startProgram(
      'storescp',
      ['-aet', aeTitle, '+xa', ...target, ...(options.args ?? []), `${dicomPort}`],
      { ...(options.env ? { env: options.env } : {}) },
    );
    try {
      await waitUntilReady(program, 'storescp', () => echoes({ aeTitle, dicomPort }));
      return {
        aeTitle,
        dicomPort,
        pid: program.pid,
        [Symbol.asyncDispose]: () => program[Symbol.asyncDispose](),
      };
    } catch (error) {
      await program.stop(0);
      if (attempt === 3) {
        throw error;
      }
    }
  }
}

async function echoes(peer: DcmtkPeer): Promise<true | undefined> {
  const { status } = await runProgram('echoscu', ['-aec', peer.aeTitle, '127.0.0.1', `${peer.dicomPort}`]);
  return status === 0 ? true : undefined;
}
