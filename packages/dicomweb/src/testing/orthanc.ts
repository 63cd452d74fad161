import { execFile, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type DicomInstance, TransferSyntax, writePart10 } from '@adit/core';

/** Debian's packages orthanc and orthanc-dicomweb. */
const PROGRAM = '/usr/sbin/Orthanc';
const PLUGIN = '/usr/share/orthanc/plugins/libOrthancDicomWeb.so';

export const orthancIsInstalled = existsSync(PROGRAM) && existsSync(PLUGIN);

/** How storescu is told to propose a transfer syntax, without which it converts what it can. */
const PROPOSALS: Record<string, string> = {
  [TransferSyntax.ImplicitVrLittleEndian]: '-xi',
  [TransferSyntax.ExplicitVrLittleEndian]: '-xe',
  [TransferSyntax.ExplicitVrBigEndian]: '-xb',
  [TransferSyntax.DeflatedExplicitVrLittleEndian]: '-xd',
  [TransferSyntax.RleLossless]: '-xr',
  '1.2.840.10008.1.2.4.70': '-xs',
  '1.2.840.10008.1.2.4.80': '-xt',
};

const run = promisify(execFile);

export interface Orthanc extends AsyncDisposable {
  /** Root of its DICOMweb service. */
  url: string;
  /** Sends instances by C-STORE (DCMTK's storescu), for what comes over REST is written anew. */
  load(instances: readonly DicomInstance[]): Promise<void>;
  /** The file of an instance as Orthanc stores it. */
  fileOf(sopInstanceUid: string): Promise<Uint8Array>;
}

/** Starts an Orthanc of its own on the loopback interface, with an empty storage that goes with it. */
export async function startOrthanc(configuration: Record<string, unknown> = {}): Promise<Orthanc> {
  const folder = await mkdtemp(join(tmpdir(), 'adit-orthanc-'));
  const [httpPort, dicomPort] = await freePorts(2);
  const config = join(folder, 'orthanc.json');
  await writeFile(
    config,
    JSON.stringify({
      StorageDirectory: join(folder, 'storage'),
      IndexDirectory: join(folder, 'storage'),
      HttpPort: httpPort,
      DicomPort: dicomPort,
      DicomAlwaysAllowStore: true,
      UnknownSopClassAccepted: true,
      RemoteAccessAllowed: false,
      Plugins: [PLUGIN],
      DicomWeb: { Enable: true, Root: '/dicom-web/' },
      ...configuration,
    }),
  );
  const process = spawn(PROGRAM, [config], { stdio: 'ignore' });
  const ended = new Promise<void>((resolve) => process.once('exit', () => resolve()));
  const rest = `http://127.0.0.1:${httpPort}`;
  // Authentication may be switched on: any answer means that it runs.
  const answers = () =>
    fetch(`${rest}/system`).then(
      () => true,
      () => false,
    );
  for (let i = 0; !(await answers()); i++) {
    if (process.exitCode !== null || i === 200) throw new Error('Orthanc did not start.');
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return {
    url: `${rest}/dicom-web`,
    async load(instances) {
      const bySyntax = Map.groupBy(instances, ({ transferSyntaxUid }) => transferSyntaxUid);
      for (const [transferSyntaxUid, group] of bySyntax) {
        const files: string[] = [];
        for (const [i, instance] of group.entries()) {
          files.push(join(folder, `${i}.dcm`));
          await writeFile(files[i]!, writePart10(instance));
        }
        const propose = PROPOSALS[transferSyntaxUid];
        if (propose === undefined) throw new Error(`storescu does not send ${transferSyntaxUid}.`);
        await run('storescu', ['-R', propose, '-aec', 'ORTHANC', '127.0.0.1', String(dicomPort), ...files]);
        await Promise.all(files.map((file) => rm(file)));
      }
    },
    async fileOf(sopInstanceUid) {
      const found = await fetch(`${rest}/tools/lookup`, { method: 'POST', body: sopInstanceUid });
      const [{ Path: path }] = (await found.json()) as [{ Path: string }];
      return new Uint8Array(await (await fetch(`${rest}${path}/file`)).arrayBuffer());
    },
    async [Symbol.asyncDispose]() {
      process.kill('SIGTERM');
      await ended;
      await rm(folder, { recursive: true });
    },
  };
}

/** Ports nobody uses at the moment: Orthanc cannot choose one itself. */
async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer());
  const ports = await Promise.all(
    servers.map(async (server) => {
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      return (server.address() as { port: number }).port;
    }),
  );
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}
