import { randomUUID } from 'node:crypto';
import { access, constants, stat, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { EchoResult } from '@adit/client';
import { DicomError } from '@adit/core';
import { createDicomWebClient, type DicomWebServiceOptions } from '@adit/dicomweb';
import { echo } from '@adit/dimse';
import { type OpenOptions, toDicomWebService, toDimseNode } from './open-node.ts';
import type { StoredNode } from './store.ts';

/** Somebody waits for the answer, so it is given up sooner than in a transfer. In seconds. */
const TIMEOUTS = { connect: 5, associate: 10, response: 10, release: 2 };
/** The same for a DICOMweb service, in milliseconds. */
const WEB_TIMEOUTS = { connectTimeout: 5_000, answerTimeout: 15_000, idleTimeout: 15_000 };

/** Asks a node whether it answers. A node that does not is a result, not an error. */
export async function echoNode(
  node: StoredNode,
  options: OpenOptions & { signal: AbortSignal },
): Promise<EchoResult> {
  const started = performance.now();
  const seconds = () => Math.round(performance.now() - started) / 1000;
  try {
    const message = await test(node, options);
    return { ok: true, seconds: seconds(), message };
  } catch (error) {
    if (options.signal.aborted || !(error instanceof DicomError)) throw error;
    return { ok: false, seconds: seconds(), message: error.message };
  }
}

/** What was tried and came out well, in one sentence. */
async function test(node: StoredNode, options: OpenOptions & { signal: AbortSignal }): Promise<string> {
  const { settings, name } = node;
  switch (settings.kind) {
    case 'dimse': {
      const dimseNode = { ...toDimseNode(settings, options), timeouts: TIMEOUTS, connectAttempts: 1 };
      await echo(dimseNode, { signal: options.signal });
      const answered = `${name} answered the C-ECHO: it knows ADIT as ${options.callingAeTitle}.`;
      const { dicomWebUrl: url } = settings;
      if (url === undefined) return answered;
      try {
        await testSearch(toDicomWebService(node, { url }, options), options.signal);
      } catch (error) {
        if (!(error instanceof DicomError)) throw error;
        throw new DicomError(error.code, `${answered} Its DICOMweb service did not: ${error.message}`);
      }
      return `${answered} Its DICOMweb service answered a search for one study.`;
    }
    case 'dicomweb':
      await testSearch(toDicomWebService(node, settings, options), options.signal);
      return `${name} answered a search for one study.`;
    case 'folder':
      await testFolder(settings.path);
      return `A test file was written to the folder of ${name} and removed again.`;
  }
}

async function testSearch(service: DicomWebServiceOptions, signal: AbortSignal): Promise<void> {
  await using client = createDicomWebClient({ ...service, ...WEB_TIMEOUTS });
  for await (const _match of client.find({ level: 'STUDY', keys: {}, limit: 1 }, { signal })) break;
}

async function testFolder(path: string): Promise<void> {
  const file = join(path, `.adit-write-test-${randomUUID()}`);
  try {
    if (!(await stat(path)).isDirectory()) throw new DicomError('FOLDER', `${path} is a file, not a folder.`);
    await access(path, constants.R_OK | constants.X_OK);
    await writeFile(file, 'ADIT tests whether it can write here.\n', { flag: 'wx' });
  } catch (error) {
    if (error instanceof DicomError) throw error;
    const { code } = error as NodeJS.ErrnoException;
    const reason = (code && FOLDER_TROUBLE[code]) ?? `cannot be written to (${code ?? 'unknown reason'})`;
    throw new DicomError('FOLDER', `The folder ${path} ${reason}: look at it on the server.`, {
      cause: error,
    });
  } finally {
    await unlink(file).catch(() => {});
  }
}

const FOLDER_TROUBLE: Readonly<Record<string, string>> = {
  ENOENT: 'does not exist',
  EACCES: 'may not be written to by ADIT',
  EPERM: 'may not be written to by ADIT',
  EROFS: 'lies on a read-only file system',
  ENOSPC: 'lies on a full disk',
};
