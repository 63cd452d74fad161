import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { echo } from '../echo.ts';
import type { DimseNode } from '../node.ts';
import { freePort } from './free-port.ts';

/** An Orthanc of its own for a test. */
export interface Orthanc extends AsyncDisposable {
  node: DimseNode;
  /** Root of its REST API. */
  url: string;
}

/**
 * Starts Debian's Orthanc with its defaults, except that find, get, move and store are allowed from anybody, unknown SOP
 * classes are accepted and instances may be overwritten.
 *
 * @param tls how it is spoken to, where the configuration has it speak TLS
 */
export async function startOrthanc(
  config: Record<string, unknown> = {},
  tls?: DimseNode['tls'],
): Promise<Orthanc> {
  const folder = await mkdtemp(join(tmpdir(), 'adit-orthanc-'));
  const [port, httpPort] = [await freePort(), await freePort()];
  const file = join(folder, 'orthanc.json');
  await writeFile(
    file,
    JSON.stringify({
      Name: 'test',
      StorageDirectory: join(folder, 'storage'),
      IndexDirectory: join(folder, 'storage'),
      DicomAet: 'ORTHANC',
      DicomPort: port,
      HttpServerEnabled: true,
      HttpPort: httpPort,
      RemoteAccessAllowed: false,
      AuthenticationEnabled: false,
      DicomAlwaysAllowEcho: true,
      DicomAlwaysAllowStore: true,
      DicomAlwaysAllowFind: true,
      DicomAlwaysAllowGet: true,
      DicomAlwaysAllowMove: true,
      UnknownSopClassAccepted: true,
      OverwriteInstances: true,
      ...config,
    }),
  );
  const child = spawn('Orthanc', [file], { stdio: 'ignore' });
  const node: DimseNode = {
    aeTitle: 'ORTHANC',
    host: '127.0.0.1',
    port,
    connectAttempts: 1,
    ...(tls && { tls }),
  };
  const stop = async () => {
    await end(child);
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await untilAnswering(node, child);
  } catch (error) {
    await stop();
    throw error;
  }
  return { node, url: `http://127.0.0.1:${httpPort}`, [Symbol.asyncDispose]: stop };
}

async function untilAnswering(node: DimseNode, child: ChildProcess): Promise<void> {
  const deadline = performance.now() + 30_000;
  for (;;) {
    try {
      await echo(node);
      return;
    } catch (error) {
      if (child.exitCode !== null || performance.now() > deadline) throw error;
      await sleep(100);
    }
  }
}

/** Ends a child process and waits for it. */
export async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill();
  const timer = setTimeout(() => child.kill('SIGKILL'), 5000);
  await exited;
  clearTimeout(timer);
}
