import { createArchiveScp, type DimseNode, readTlsFiles } from '@adit/dimse';
import type { Output } from './output.ts';
import { UsageError } from './usage-error.ts';

export interface ScpOptions {
  aet: string;
  port: number;
  host?: string;
  /** Where C-MOVE may send to. */
  peer?: DimseNode[];
  /** PEM files: its certificate and key, and the authority that vouches for its peers. */
  cert?: string;
  key?: string;
  ca?: string;
}

/**
 * `adit scp FOLDER --aet AET --port N [--peer AET@host:port]… [--cert FILE --key FILE [--ca FILE]]`: a test PACS over a
 * folder, until it is stopped.
 */
export async function scpCommand(
  output: Output,
  folder: string,
  options: ScpOptions,
  signal: AbortSignal,
): Promise<boolean> {
  const host = options.host ?? '127.0.0.1';
  const tls = tlsOptions(options);
  await using archive = await createArchiveScp({
    folder,
    aeTitle: options.aet,
    host,
    port: options.port,
    ...(options.peer ? { peers: options.peer } : {}),
    ...(tls ? { tls } : {}),
  });
  output.event(
    { event: 'listening', port: archive.port },
    `${options.aet} listens on ${host}:${archive.port}. Stop with Ctrl-C.`,
  );
  if (!signal.aborted)
    await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
  output.summary({ ok: true, seconds: output.seconds() });
  return true;
}

function tlsOptions({ cert, key, ca }: ScpOptions): ReturnType<typeof readTlsFiles> | undefined {
  if (cert === undefined && key === undefined && ca === undefined) return undefined;
  if (cert === undefined || key === undefined) {
    throw new UsageError('A server that speaks TLS needs both --cert and --key.');
  }
  try {
    return readTlsFiles({ cert, key, ca });
  } catch (error) {
    throw new UsageError(`The server cannot speak TLS: ${(error as Error).message}.`, error);
  }
}
