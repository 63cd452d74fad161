import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { DicomError } from '../errors.ts';
import type { Dcm2niixJob } from './dcm2niix-worker.ts';

/** What dcm2niix has done, by its exit status. */
export type Dcm2niixEnd = 'done' | 'no-images' | 'partial' | 'failed';

/** Names begin with it: `series.nii.gz`, `series.json`, `series_e2.nii.gz`… */
export const OUTPUT_NAME = 'series';

/** Its defaults, whatever the user's own are (`-g i`); compressed without another program (`-z i`). */
const ARGS = ['-f', OUTPUT_NAME, '-z', 'i', '-b', 'y', '-ba', 'y', '-g', 'i'];

/**
 * Converts the DICOM files of one folder to NIfTI in another one, by the native program or by its WebAssembly build
 * (`@niivue/dcm2niix`) in a thread of its own. What it prints is not looked at, for it names files and patients.
 *
 * Throws `DicomError` `NO_DCM2NIIX` where it cannot be started, and the reason of the signal, after it has ended.
 *
 * @param program path of the native one, or a name to be looked for in PATH
 */
export async function runDcm2niix(
  folders: { input: string; output: string },
  { program, signal }: { program?: string | undefined; signal?: AbortSignal | undefined },
): Promise<Dcm2niixEnd> {
  signal?.throwIfAborted();
  const job: Dcm2niixJob = { args: ARGS, ...folders };
  const status = await (program === undefined ? runWorker(job, signal) : runProgram(program, job, signal));
  signal?.throwIfAborted();
  switch (status) {
    case 0:
      return 'done';
    case 2:
      return 'no-images';
    case 8:
      return 'partial';
    default:
      return 'failed';
  }
}

async function runProgram(
  program: string,
  { args, input, output }: Dcm2niixJob,
  signal: AbortSignal | undefined,
): Promise<number | undefined> {
  const child = spawn(program, [...args, '-o', output, input], {
    stdio: 'ignore',
    // Its file of defaults is looked for at home.
    env: { ...process.env, HOME: output },
  });
  const kill = () => child.kill('SIGKILL');
  signal?.addEventListener('abort', kill, { once: true });
  try {
    const [status] = (await once(child, 'close')) as [number | null];
    return status ?? undefined;
  } catch (cause) {
    throw new DicomError('NO_DCM2NIIX', `${program} cannot be started: name the program dcm2niix.`, {
      cause,
    });
  } finally {
    signal?.removeEventListener('abort', kill);
  }
}

async function runWorker(job: Dcm2niixJob, signal: AbortSignal | undefined): Promise<number | undefined> {
  try {
    import.meta.resolve('@niivue/dcm2niix');
  } catch (cause) {
    throw new DicomError('NO_DCM2NIIX', 'Install @niivue/dcm2niix, or name a native program dcm2niix.', {
      cause,
    });
  }
  const worker = new Worker(new URL(import.meta.resolve('#dcm2niix-worker')), {
    workerData: job,
    stdout: true,
    stderr: true,
  });
  const stop = () => void worker.terminate();
  signal?.addEventListener('abort', stop, { once: true });
  return new Promise((resolve) => {
    worker.once('message', resolve);
    // Out of memory, most likely.
    worker.once('error', () => resolve(undefined));
    worker.once('exit', () => resolve(undefined));
  }).then(async (status) => {
    signal?.removeEventListener('abort', stop);
    await worker.terminate();
    return status as number | undefined;
  });
}
