import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Client, RetrievalWay } from '@adit/client';
import { type SyntheticInstance, type SyntheticStudyOptions, syntheticStudy } from '@adit/core/synthetic';
import { type ArchiveScp, type ArchiveScpOptions, createArchiveScp } from '@adit/dimse';

export interface TestArchives extends AsyncDisposable {
  readonly folder: string;
  /** Starts an archive; it stops when the others do, if not before. */
  start(
    aeTitle: string,
    options?: Partial<Omit<ArchiveScpOptions, 'aeTitle' | 'folder'>>,
  ): Promise<ArchiveScp>;
}

/** DICOM servers on this machine whose data goes with the test. */
export function testArchives(): TestArchives {
  const folder = mkdtempSync(join(tmpdir(), 'adit-test-'));
  const archives: ArchiveScp[] = [];
  return {
    folder,
    async start(aeTitle, options = {}) {
      const archive = await createArchiveScp({ ...options, aeTitle, folder: join(folder, aeTitle) });
      archives.push(archive);
      return archive;
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(archives.map((archive) => archive.close()));
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Generates a study and puts it into an archive. */
export async function fill(
  { archive }: ArchiveScp,
  options: SyntheticStudyOptions,
): Promise<{ studyInstanceUid: string; instances: SyntheticInstance[] }> {
  const instances = syntheticStudy(options);
  for (const instance of instances) await archive.store(instance);
  const studyInstanceUid = instances[0]?.attributes['0020000D']?.Value?.[0] as string;
  return { studyInstanceUid, instances };
}

/** Makes an archive known to the server, as source and destination, and returns the node's id. */
export async function addNode(
  admin: Client,
  name: string,
  { aeTitle, port }: { aeTitle: string; port: number },
  options: { maxTasks?: number; maxAssociations?: number; retrieve?: RetrievalWay[] } = {},
): Promise<string> {
  const { id } = await admin.createNode({
    body: {
      kind: 'dimse',
      name,
      source: true,
      destination: true,
      aeTitle,
      host: '127.0.0.1',
      port,
      ...options,
    },
  });
  return id;
}
