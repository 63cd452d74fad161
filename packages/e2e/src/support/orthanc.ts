import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { freePort } from './free-port.ts';
import { type RunningProgram, startProgram, waitUntilReady } from './program.ts';
import { createTempFolder } from './temp-folder.ts';

export interface OrthancOptions {
  aeTitle: string;
  /** Settings on top of the stock ones. */
  settings?: Readonly<Record<string, unknown>>;
  env?: Readonly<Record<string, string>>;
}

/** An Orthanc of our own, with its files in a temporary folder. */
export interface Orthanc extends AsyncDisposable {
  readonly aeTitle: string;
  readonly dicomPort: number;
  /** `dicom://AET@127.0.0.1:port` */
  readonly dicomUrl: string;
  /** Root of its REST API. */
  readonly restUrl: string;
  /** Root of its DICOMweb service. */
  readonly dicomWebUrl: string;
  readonly pid: number;
  /** Orthanc's identifiers of all instances, ascending. They derive from the DICOM identifiers alone. */
  instanceIds(): Promise<string[]>;
  /** The DICOM file Orthanc keeps of an instance. */
  file(instanceId: string): Promise<Uint8Array>;
  /** Removes an instance. */
  remove(instanceId: string): Promise<void>;
  /** Removes everything. */
  clear(): Promise<void>;
  /** Ends it at once, in the middle of whatever it does (SIGKILL). */
  kill(): Promise<void>;
  /** After `kill`: starts it again with what it had stored, at the same ports. */
  restart(): Promise<void>;
}

/**
 * Starts a stock Orthanc: Debian's with its defaults, except that find, get, move and store are allowed from anybody,
 * unknown SOP classes are accepted and instances may be overwritten. No network tuning.
 */
export async function startOrthanc(options: OrthancOptions): Promise<Orthanc> {
  await using cleanup = new AsyncDisposableStack();
  const folder = cleanup.use(await createTempFolder('orthanc'));
  // Ports may be taken between the look and the start.
  for (let attempt = 1; ; attempt += 1) {
    const dicomPort = await freePort();
    const httpPort = await freePort();
    const configuration = join(folder.path, 'orthanc.json');
    await writeFile(configuration, JSON.stringify(stockSettings(folder.path, dicomPort, httpPort, options)));
    const program = startProgram('/usr/sbin/Orthanc', [configuration], { env: options.env });
    const restUrl = `http://127.0.0.1:${httpPort}`;
    try {
      await waitUntilReady(program, `Orthanc ${options.aeTitle}`, () => answersTo(restUrl));
    } catch (error) {
      await program.stop(0);
      if (attempt === 3) {
        throw error;
      }
      continue;
    }
    const running = { program };
    cleanup.defer(async () => {
      await running.program.stop();
    });
    const restart = async () => {
      running.program = startProgram('/usr/sbin/Orthanc', [configuration], { env: options.env });
      await waitUntilReady(running.program, `Orthanc ${options.aeTitle}`, () => answersTo(restUrl));
    };
    return describe(options.aeTitle, { dicomPort, restUrl, running, restart }, cleanup.move());
  }
}

/** Orthanc's identifier of an instance: SHA-1 of its four DICOM identifiers, in groups of eight digits. */
export function orthancIdOf(
  patientId: string,
  studyInstanceUid: string,
  seriesInstanceUid: string,
  sopInstanceUid: string,
): string {
  const text = [patientId, studyInstanceUid, seriesInstanceUid, sopInstanceUid].join('|');
  return createHash('sha1').update(text).digest('hex').match(/.{8}/g)!.join('-');
}

function stockSettings(folder: string, dicomPort: number, httpPort: number, options: OrthancOptions) {
  return {
    StorageDirectory: join(folder, 'storage'),
    IndexDirectory: join(folder, 'storage'),
    Plugins: ['/usr/share/orthanc/plugins/libOrthancDicomWeb.so'],
    HttpPort: httpPort,
    DicomPort: dicomPort,
    DicomAet: options.aeTitle,
    DicomAlwaysAllowStore: true,
    DicomAlwaysAllowFind: true,
    DicomAlwaysAllowGet: true,
    DicomAlwaysAllowMove: true,
    UnknownSopClassAccepted: true,
    OverwriteInstances: true,
    ...options.settings,
  };
}

async function answersTo(restUrl: string): Promise<true | undefined> {
  try {
    const response = await fetch(`${restUrl}/system`);
    await response.arrayBuffer();
    // Who asks for a password is there, too.
    return response.ok || response.status === 401 ? true : undefined;
  } catch {
    return undefined;
  }
}

interface StartedOrthanc {
  dicomPort: number;
  restUrl: string;
  running: { program: RunningProgram };
  restart: () => Promise<void>;
}

function describe(
  aeTitle: string,
  { dicomPort, restUrl, running, restart }: StartedOrthanc,
  cleanup: AsyncDisposableStack,
): Orthanc {
  /** The whole answer. Asked again where Orthanc has closed a connection that it had kept for the next question. */
  async function request(path: string, method = 'GET'): Promise<Buffer> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        const response = await fetch(`${restUrl}${path}`, { method });
        const body = Buffer.from(await response.arrayBuffer());
        if (response.ok) return body;
        throw new Error(`Orthanc ${aeTitle} answers ${path} with ${response.status}: ${body}`);
      } catch (cause) {
        if (cause instanceof TypeError && attempt < 3) continue;
        const lastWords = running.program.output().split('\n').slice(-30).join('\n');
        throw new Error(`Orthanc ${aeTitle} has no answer. Its last words:\n${lastWords}`, { cause });
      }
    }
  }
  async function list(path: string): Promise<string[]> {
    return JSON.parse(String(await request(path))) as string[];
  }
  return {
    aeTitle,
    dicomPort,
    dicomUrl: `dicom://${encodeURIComponent(aeTitle)}@127.0.0.1:${dicomPort}`,
    restUrl,
    dicomWebUrl: `${restUrl}/dicom-web/`,
    get pid() {
      return running.program.pid;
    },
    instanceIds: async () => (await list('/instances')).sort(),
    file: (instanceId) => request(`/instances/${instanceId}/file`),
    async remove(instanceId) {
      await request(`/instances/${instanceId}`, 'DELETE');
    },
    async clear() {
      for (const patient of await list('/patients')) await request(`/patients/${patient}`, 'DELETE');
    },
    async kill() {
      process.kill(running.program.pid, 'SIGKILL');
      await running.program.ended;
    },
    restart,
    [Symbol.asyncDispose]: () => cleanup.disposeAsync(),
  };
}
