import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { echo } from '@adit/dimse';
import { freePort } from './free-port.ts';

/** dcmqrscp, DCMTK's query/retrieve server, as QRSCP: takes objects from everybody, and sends them to one peer of this machine. */
export async function startDcmqrscp(peer: {
  aeTitle: string;
  port: number;
}): Promise<{ port: number } & AsyncDisposable> {
  const folder = mkdtempSync(join(tmpdir(), 'adit-test-'));
  const port = await freePort();
  const config = join(folder, 'dcmqrscp.cfg');
  const lines = [
    ...[`NetworkTCPPort = ${port}`, 'MaxPDUSize = 16384', 'MaxAssociations = 16'],
    ...['HostTable BEGIN', `peer = (${peer.aeTitle}, 127.0.0.1, ${peer.port})`, 'HostTable END'],
    ...['VendorTable BEGIN', 'VendorTable END'],
    ...['AETable BEGIN', `QRSCP ${folder} RW (100, 1024mb) ANY`, 'AETable END'],
  ];
  writeFileSync(config, `${lines.join('\n')}\n`);
  const child = spawn('dcmqrscp', ['-c', config], {
    stdio: 'ignore',
    env: { ...process.env, TCP_NODELAY: '1' },
  });
  const exited = once(child, 'exit');
  const node = { aeTitle: 'QRSCP', host: '127.0.0.1', port, connectAttempts: 1 };
  while (!(await echo(node).catch(() => undefined))) await sleep(50);
  return {
    port,
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL');
      await exited;
      rmSync(folder, { recursive: true });
    },
  };
}
