import { spawn } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { DimseNode } from '../node.ts';
import { freePort } from './free-port.ts';
import { end } from './orthanc.ts';

/** Runs one of DCMTK's programs to its end. */
export function runDcmtk(
  command: string,
  args: readonly string[],
): Promise<{ exitCode: number; output: string }> {
  return new Promise((resolve, reject) => {
    // Without Nagle's algorithm, or each small message takes 40 ms.
    const child = spawn(command, args, { env: { ...process.env, TCP_NODELAY: '1' } });
    let output = '';
    child.stdout.on('data', (data) => {
      output += data;
    });
    child.stderr.on('data', (data) => {
      output += data;
    });
    child.on('error', reject);
    child.on('close', (exitCode) => resolve({ exitCode: exitCode ?? -1, output }));
  });
}

/** A storescp of its own, and the folder it writes to. */
export interface Storescp extends AsyncDisposable {
  node: DimseNode;
  /** What it received, by file name: SOP Instance UIDs with the modality in front. */
  received(): Promise<Map<string, Buffer>>;
}

/** Starts storescp, which writes data sets exactly as they come (`+B`). */
export async function startStorescp(
  args: readonly string[] = [],
  env: Record<string, string> = {},
): Promise<Storescp> {
  const folder = await mkdtemp(join(tmpdir(), 'adit-storescp-'));
  const port = await freePort();
  const child = spawn('storescp', ['+B', '-od', folder, ...args, String(port)], {
    stdio: 'ignore',
    env: { ...process.env, ...env },
  });
  const stop = async () => {
    await end(child);
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await untilListening(port);
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    node: { aeTitle: 'STORESCP', host: '127.0.0.1', port },
    received: async () => {
      const names = await readdir(folder);
      return new Map(
        await Promise.all(names.map(async (name) => [name, await readFile(join(folder, name))] as const)),
      );
    },
    [Symbol.asyncDispose]: stop,
  };
}

/**
 * Starts dcmqrscp, DCMTK's query/retrieve server, as QR. It takes objects from everybody.
 *
 * @param peers where a C-MOVE may send to
 */
export async function startDcmqrscp(
  peers: readonly DimseNode[] = [],
): Promise<{ node: DimseNode } & AsyncDisposable> {
  const folder = await mkdtemp(join(tmpdir(), 'adit-dcmqrscp-'));
  const port = await freePort();
  const config = join(folder, 'dcmqrscp.cfg');
  const lines = [
    `NetworkTCPPort = ${port}`,
    'MaxPDUSize = 16384',
    'MaxAssociations = 16',
    'HostTable BEGIN',
    ...peers.map(({ aeTitle, host, port }, index) => `peer${index} = (${aeTitle}, ${host}, ${port})`),
    'HostTable END',
    'VendorTable BEGIN',
    'VendorTable END',
    'AETable BEGIN',
    `QR ${folder} RW (100, 1024mb) ANY`,
    'AETable END',
  ];
  await writeFile(config, `${lines.join('\n')}\n`);
  const child = spawn('dcmqrscp', ['-c', config], {
    stdio: 'ignore',
    env: { ...process.env, TCP_NODELAY: '1' },
  });
  const stop = async () => {
    await end(child);
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await untilListening(port);
  } catch (error) {
    await stop();
    throw error;
  }
  return { node: { aeTitle: 'QR', host: '127.0.0.1', port }, [Symbol.asyncDispose]: stop };
}

async function untilListening(port: number): Promise<void> {
  for (let attempt = 0; ; attempt++) {
    const open = await new Promise<boolean>((resolve) => {
      const socket = connect({ host: '127.0.0.1', port }, () => {
        socket.destroy();
        resolve(true);
      });
      socket.on('error', () => resolve(false));
    });
    if (open) return;
    if (attempt === 100) throw new Error('The server does not listen');
    await sleep(50);
  }
}
