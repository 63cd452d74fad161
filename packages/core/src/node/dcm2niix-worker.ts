// A thread that runs dcm2niix in WebAssembly, once: its files are in memory, since it knows no other file system.

import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parentPort, workerData } from 'node:worker_threads';

export interface Dcm2niixJob {
  /** Arguments in front of the folders. */
  args: readonly string[];
  input: string;
  output: string;
}

/** What Emscripten makes of a program, as far as it is used here. */
interface EmscriptenModule {
  FS: {
    mkdir(path: string): void;
    createDataFile(folder: string, name: string, data: Uint8Array, canRead: boolean, canWrite: boolean): void;
    readdir(path: string): string[];
    readFile(path: string): Uint8Array;
  };
  callMain(args: string[]): number;
}

/** The package's own entry is for browsers; what is in it runs here as well. */
const program = new URL('./dcm2niix.jpeg.js', import.meta.resolve('@niivue/dcm2niix'));

async function run({ args, input, output }: Dcm2niixJob): Promise<number> {
  const { default: load } = (await import(program.href)) as {
    default(options: object): Promise<EmscriptenModule>;
  };
  const nothing = () => {};
  const { FS, callMain } = await load({
    wasmBinary: readFileSync(new URL('./dcm2niix.jpeg.wasm', program)),
    // It names files and patients.
    print: nothing,
    printErr: nothing,
  });
  FS.mkdir('/in');
  FS.mkdir('/out');
  for (const name of readdirSync(input)) {
    FS.createDataFile('/in', name, readFileSync(join(input, name)), true, true);
  }
  const status = callMain([...args, '-o', '/out', '/in']);
  for (const name of FS.readdir('/out')) {
    if (!name.startsWith('.')) writeFileSync(join(output, name), FS.readFile(`/out/${name}`), { flag: 'wx' });
  }
  return status;
}

parentPort?.postMessage(await run(workerData as Dcm2niixJob));
