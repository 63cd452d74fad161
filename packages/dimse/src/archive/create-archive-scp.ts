import { checkNode } from '../node.ts';
import { type ListenOptions, listen } from '../scp/listen.ts';
import { type Archive, openArchive } from './archive.ts';
import { type ArchiveHandlersOptions, archiveHandlers } from './archive-handlers.ts';

export interface ArchiveScpOptions
  extends Omit<ListenOptions, 'aeTitle' | 'host' | 'port' | 'handlers'>,
    ArchiveHandlersOptions {
  /** Where the objects lie. It is made if need be; what is in it is served. */
  folder: string;
  /** The AE title it answers to. */
  aeTitle: string;
  /** Address to listen on. Default: `127.0.0.1`, this machine alone. */
  host?: string;
  /** Default: 0, a free one. */
  port?: number;
}

export interface ArchiveScp extends AsyncDisposable {
  readonly aeTitle: string;
  readonly port: number;
  /** The store behind it, for those on this side of the network. */
  readonly archive: Archive;
  /** Stops listening and aborts what is under way. */
  close(): Promise<void>;
}

/**
 * Starts a small PACS over a folder: C-ECHO, C-STORE, C-FIND, C-GET and C-MOVE, for tests and demos.
 *
 * It is no place for patients' data: everybody may ask it for everything, unless `allow` says otherwise. Throws
 * `DimseError` with code `LISTEN` when it cannot listen.
 *
 * @example
 * await using pacs = await createArchiveScp({ folder, aeTitle: 'TEST_PACS' });
 * console.log(await echo({ aeTitle: 'TEST_PACS', host: '127.0.0.1', port: pacs.port }));
 */
export async function createArchiveScp(options: ArchiveScpOptions): Promise<ArchiveScp> {
  const { folder, aeTitle, host = '127.0.0.1', port = 0, peers = [], ...rest } = options;
  for (const peer of peers) checkNode(peer);
  const archive = await openArchive(folder);
  const handlers = archiveHandlers(archive, aeTitle, { peers });
  const server = await listen({
    queryExtensions: { relationalQueries: true, combinedDateTime: true },
    ...rest,
    aeTitle,
    host,
    port,
    handlers,
  });
  return {
    aeTitle,
    port: server.port,
    archive,
    close: () => server.close(),
    [Symbol.asyncDispose]: () => server.close(),
  };
}
