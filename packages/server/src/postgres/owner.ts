import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { writePrivateFile } from '../runtime/private-file.ts';
import { identifyProcess, isRunning } from '../runtime/process-identity.ts';

const owner = z.object({ pid: z.int(), started: z.string(), connectionString: z.string() });

/** The process that runs the embedded PostgreSQL of a data directory. */
export type Owner = z.infer<typeof owner>;

function ownerPath(dataDirectory: string): string {
  return join(dataDirectory, 'running.json');
}

/** The owner, if it still lives. */
export async function livingOwner(dataDirectory: string): Promise<Owner | undefined> {
  try {
    const found = owner.parse(JSON.parse(await readFile(ownerPath(dataDirectory), 'utf8')));
    return isRunning(found) ? found : undefined;
  } catch {
    return undefined;
  }
}

/** Notes this process as the owner. */
export async function takeOwnership(dataDirectory: string, connectionString: string): Promise<void> {
  const self: Owner = { ...identifyProcess(process.pid)!, connectionString };
  await writePrivateFile(ownerPath(dataDirectory), `${JSON.stringify(self)}\n`);
}

/** Ends what {@link takeOwnership} began, if nobody else is the owner by now. */
export async function giveUpOwnership(dataDirectory: string): Promise<void> {
  const owner = await livingOwner(dataDirectory);
  if (owner?.pid === process.pid) await rm(ownerPath(dataDirectory), { force: true });
}
