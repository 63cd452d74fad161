import { createArchiveScp, type DimseNode } from '@adit/dimse';
import type { Output } from './output.ts';

export interface ScpOptions {
  aet: string;
  port: number;
  host?: string;
  /** Where C-MOVE may send to. */
  peer?: DimseNode[];
}

/** `adit scp FOLDER --aet AET --port N [--peer AET@host:port]…`: a test PACS over a folder, until it is stopped. */
export async function scpCommand(
  output: Output,
  folder: string,
  options: ScpOptions,
  signal: AbortSignal,
): Promise<boolean> {
  const host = options.host ?? '127.0.0.1';
  await using archive = await createArchiveScp({
    folder,
    aeTitle: options.aet,
    host,
    port: options.port,
    ...(options.peer ? { peers: options.peer } : {}),
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
