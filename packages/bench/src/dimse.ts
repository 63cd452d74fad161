import { join } from 'node:path';
import {
  createTempFolder,
  type DcmtkPeer,
  getscuArguments,
  type RunningProgram,
  startOrthanc,
  startProgram,
  startStorescp,
  storescu,
  storescuArguments,
  tcpNoDelay,
  waitUntilReady,
} from '@adit/e2e/support';
import { type Comparison, compare, type Run } from './compare.ts';
import { runMeasured, watchMemory } from './run-measured.ts';
import { makeStudySets, type StudySet } from './study-sets.ts';

/*
 * The services one by one, each against the same peer as DCMTK's program for it. DCMTK has Nagle's algorithm off
 * (TCP_NODELAY=1), or waiting for acknowledgements would be all there is to measure. Ours counts from the first
 * connection to the last answer, DCMTK's whole process, which is a few hundredths of a second more.
 */

interface Options {
  quick: boolean;
  rounds: number;
}

export async function benchDimse({ quick, rounds }: Options): Promise<Comparison[]> {
  await using folder = await createTempFolder('bench-dimse');
  const sets = await makeStudySets(join(folder.path, 'sets'), { quick });
  const results: Comparison[] = [];
  for (const set of sets) {
    const common = { set, rounds };
    results.push(await benchSend(common));
    results.push(await benchReceive({ ...common, work: 'receive and forget' }));
    results.push(await benchReceive({ ...common, work: 'receive to disk', into: folder.path }));
    results.push(await benchGet(common));
  }
  return results;
}

/** Our SCU and storescu, each to `storescp --ignore`. */
async function benchSend({ set, rounds }: { set: StudySet; rounds: number }): Promise<Comparison> {
  await using peer = await startStorescp({ env: tcpNoDelay });
  return await compare({
    work: 'send to storescp --ignore',
    set,
    rounds,
    ours: () => runOurs('send.ts', [dicomUrl(peer), set.folder]),
    dcmtk: () => runMeasured('storescu', storescuArguments(peer, [set.folder]), { env: tcpNoDelay }),
  });
}

/** storescu to our SCP and to storescp; with `into` both keep what they receive. */
async function benchReceive(options: {
  set: StudySet;
  rounds: number;
  work: string;
  into?: string;
}): Promise<Comparison> {
  const { set, into, ...rest } = options;

  /** A new server each time, for a server may spare itself to write what it has. */
  async function sendTo(start: (folder: string | undefined) => Promise<Server>): Promise<Run> {
    await using folder = into === undefined ? undefined : await createTempFolder('received');
    await using server = await start(folder?.path);
    const memory = watchMemory(server.program);
    const { seconds } = await runMeasured('storescu', storescuArguments(server, [set.folder]), {
      env: tcpNoDelay,
    });
    return { seconds, peakMemoryBytes: memory.peakBytes() };
  }

  return await compare({
    ...rest,
    set,
    ours: () => sendTo(startOurServer),
    dcmtk: () => sendTo((folder) => startStorescp({ env: tcpNoDelay, folder })),
  });
}

/** Our C-GET and `getscu --ignore`, from Orthanc. */
async function benchGet({ set, rounds }: { set: StudySet; rounds: number }): Promise<Comparison> {
  await using orthanc = await startOrthanc({ aeTitle: 'ORTHANC', env: tcpNoDelay });
  await storescu(orthanc, [set.folder]);
  return await compare({
    work: 'C-GET from Orthanc',
    set,
    rounds,
    async ours() {
      const run = await runOurs('get.ts', [orthanc.dicomUrl, set.studyInstanceUid]);
      if (run.instances !== set.files.length) {
        throw new Error(`${run.instances} of ${set.files.length} instances came`);
      }
      return run;
    },
    dcmtk: () =>
      runMeasured('getscu', getscuArguments(orthanc, { ...set, into: 'ignore' }), { env: tcpNoDelay }),
  });
}

interface Server extends DcmtkPeer, AsyncDisposable {
  readonly program: RunningProgram;
}

async function startOurServer(folder: string | undefined): Promise<Server> {
  const program = startProgram(process.execPath, oursArguments('receive.ts', folder ? [folder] : []));
  const dicomPort = await waitUntilReady(program, 'our server', async () => {
    const [line, rest] = program.output().split('\n', 2);
    return rest === undefined ? undefined : Number(JSON.parse(line!).port);
  });
  return {
    aeTitle: 'ADIT',
    dicomPort,
    program,
    [Symbol.asyncDispose]: () => program[Symbol.asyncDispose](),
  };
}

/** Runs one of our programs; the time that counts is the one it measured itself. */
async function runOurs(script: string, args: readonly string[]): Promise<Run & { instances?: number }> {
  const { stdout, peakMemoryBytes } = await runMeasured(process.execPath, oursArguments(script, args));
  return { peakMemoryBytes, ...(JSON.parse(stdout) as { seconds: number; instances?: number }) };
}

function oursArguments(script: string, args: readonly string[]): string[] {
  return ['--conditions=@adit/source', join(import.meta.dirname, 'ours', script), ...args];
}

function dicomUrl({ aeTitle, dicomPort }: DcmtkPeer): string {
  return `dicom://${aeTitle}@127.0.0.1:${dicomPort}`;
}
