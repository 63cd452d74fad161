import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { freePort } from './free-port.ts';
import { mustRun, type RunningProgram, runProgram, startProgram, waitUntilReady } from './program.ts';
import { createTempFolder } from './temp-folder.ts';

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

/** What storescu is called with: files, and what lies in folders, each in the transfer syntax it has. */
export function storescuArguments(
  peer: DcmtkPeer,
  paths: readonly string[],
  more: readonly string[] = [],
): string[] {
  return ['-aec', peer.aeTitle, '+sd', '+r', '-R', ...more, '127.0.0.1', `${peer.dicomPort}`, ...paths];
}

/** Sends files, and what lies in folders, to a peer by C-STORE. Throws when one is refused. */
export async function storescu(
  peer: DcmtkPeer,
  paths: readonly string[],
  options: StorescuOptions = {},
): Promise<void> {
  await mustRun('storescu', storescuArguments(peer, paths, options.args), { env: options.env });
}

export interface GetscuOptions {
  studyInstanceUid: string;
  /** Where the objects go as they come (`+B`); `ignore` receives and forgets them. */
  into: { folder: string } | 'ignore';
}

/** What getscu is called with to fetch a study by C-GET. */
export function getscuArguments(peer: DcmtkPeer, { studyInstanceUid, into }: GetscuOptions): string[] {
  const target = into === 'ignore' ? ['--ignore'] : ['+B', '-od', into.folder];
  const keys = ['-k', '0008,0052=STUDY', '-k', `0020,000d=${studyInstanceUid}`];
  return ['-aec', peer.aeTitle, '-S', ...target, ...keys, '127.0.0.1', `${peer.dicomPort}`];
}

export interface Storescp extends DcmtkPeer, AsyncDisposable {
  readonly program: RunningProgram;
}

export interface StorescpOptions {
  aeTitle?: string;
  /** Where objects go (`+B`); without it they are received and forgotten (`--ignore`). */
  folder?: string | undefined;
  env?: Readonly<Record<string, string>>;
  /** What it takes, as a profile in a configuration file. Default: everything, in all transfer syntaxes. */
  profile?: { file: string; name: string };
  /** More arguments. Default: none. */
  args?: readonly string[];
}

/** Starts DCMTK's storescp. */
export async function startStorescp(options: StorescpOptions = {}): Promise<Storescp> {
  const aeTitle = options.aeTitle ?? 'STORESCP';
  const target = options.folder ? ['+B', '-od', options.folder] : ['--ignore'];
  if (options.folder) {
    await mkdir(options.folder, { recursive: true });
  }
  const { profile } = options;
  const takes = profile ? ['-xf', profile.file, profile.name] : ['+xa'];
  for (let attempt = 1; ; attempt += 1) {
    const dicomPort = await freePort();
    const program: RunningProgram = startProgram(
      'storescp',
      ['-aet', aeTitle, ...takes, ...target, ...(options.args ?? []), `${dicomPort}`],
      { env: options.env },
    );
    try {
      await waitUntilReady(program, 'storescp', () => echoes({ aeTitle, dicomPort }));
      return {
        aeTitle,
        dicomPort,
        program,
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

export interface DcmqrscpOptions {
  /** Where it may send to by C-MOVE. */
  peers: readonly DcmtkPeer[];
}

/** Starts dcmqrscp, DCMTK's query/retrieve server, as `QR`. It takes objects from everybody. */
export async function startDcmqrscp({ peers }: DcmqrscpOptions): Promise<DcmtkPeer & AsyncDisposable> {
  await using cleanup = new AsyncDisposableStack();
  const folder = cleanup.use(await createTempFolder('dcmqrscp'));
  const aeTitle = 'QR';
  for (let attempt = 1; ; attempt += 1) {
    const dicomPort = await freePort();
    const configuration = join(folder.path, 'dcmqrscp.cfg');
    const lines = [
      `NetworkTCPPort = ${dicomPort}`,
      'MaxPDUSize = 16384',
      'MaxAssociations = 16',
      'HostTable BEGIN',
      ...peers.map((peer, index) => `peer${index} = (${peer.aeTitle}, 127.0.0.1, ${peer.dicomPort})`),
      'HostTable END',
      'VendorTable BEGIN',
      'VendorTable END',
      'AETable BEGIN',
      `${aeTitle} ${folder.path} RW (100, 1024mb) ANY`,
      'AETable END',
    ];
    await writeFile(configuration, `${lines.join('\n')}\n`);
    const program = startProgram('dcmqrscp', ['-c', configuration], { env: tcpNoDelay });
    try {
      await waitUntilReady(program, 'dcmqrscp', () => echoes({ aeTitle, dicomPort }));
    } catch (error) {
      await program.stop(0);
      if (attempt === 3) {
        throw error;
      }
      continue;
    }
    cleanup.use(program);
    const whole = cleanup.move();
    return { aeTitle, dicomPort, [Symbol.asyncDispose]: () => whole.disposeAsync() };
  }
}

async function echoes(peer: DcmtkPeer): Promise<true | undefined> {
  const { status } = await runProgram('echoscu', ['-aec', peer.aeTitle, '127.0.0.1', `${peer.dicomPort}`]);
  return status === 0 ? true : undefined;
}
