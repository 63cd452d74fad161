import { join } from 'node:path';
import {
  DicomError,
  Ledger,
  type PassedOverWay,
  type Selection,
  safeName,
  type TransferResult,
  type Transform,
  transfer,
} from '@adit/core';
import { createPseudonymizer } from '@adit/pseudonymize';
import type { Kysely } from 'kysely';
import type { Logger } from 'pino';
import type { Schema } from '../db/schema.ts';
import { selectLedger } from '../jobs/ledger-store.ts';
import type { AttemptResult, ClaimedTask } from '../jobs/task-lifecycle.ts';
import { type OpenOptions, openDestination, openSource } from '../nodes/open-node.ts';
import type { NodeService } from '../nodes/service.ts';
import type { StoredNode } from '../nodes/store.ts';
import { installationKey } from '../system/installation-key.ts';
import { describeResult } from './describe-result.ts';
import { ProgressRecorder } from './progress-recorder.ts';

export interface TransferContext {
  db: Kysely<Schema>;
  nodes: NodeService;
  open: OpenOptions;
  logger: Logger;
}

/**
 * One attempt at a task: moves a study from its source to its destination, streaming, and accounts for every instance.
 * Sends only what earlier attempts have not delivered.
 */
export async function attemptTransfer(
  { db, nodes, open, logger }: TransferContext,
  task: ClaimedTask,
  signal: AbortSignal,
): Promise<AttemptResult> {
  const recorder = new ProgressRecorder({ db, task, logger });
  try {
    const [sourceNode, destinationNode] = await Promise.all([
      nodes.get(task.sourceId),
      nodes.get(task.destinationId),
    ]);
    let way: ReturnType<typeof wayOf> | undefined;
    await using source = openSource(sourceNode, {
      ...open,
      onWay: (...used) => {
        way = wayOf(...used);
        logger.info({ taskId: task.id, jobId: task.jobId, ...way }, 'the study is fetched');
      },
    });
    await using destination = openDestination(destinationNode, {
      ...open,
      folder: folderOf(destinationNode, task),
    });
    const records = await selectLedger(db, task.id);
    const result = await transfer({
      source,
      sink: destination.sink,
      selection: selectionOf(task),
      transforms: await transformsOf(db, open, task),
      verify: destination.verify,
      ledger: new Ledger({ records, onChange: (record) => recorder.add(record) }),
      signal,
      onProgress: (counts) => recorder.update(counts),
    });
    logProblem(logger, task, result);
    return describeResult(result, way);
  } catch (error) {
    if (!(error instanceof DicomError)) throw error;
    return { end: error.retryable ? 'retryable' : 'failure', message: error.message };
  } finally {
    await recorder.finish();
  }
}

/** How a study is fetched, and why not by a way before, as codes. */
function wayOf(way: string, passedOver: readonly PassedOverWay[]) {
  return { way, notOffered: Object.fromEntries(passedOver.map(({ name, error }) => [name, error.code])) };
}

function selectionOf({ studyInstanceUid, patientId, seriesInstanceUids }: ClaimedTask): Selection {
  return {
    studyInstanceUid,
    ...(patientId === null ? {} : { patientId }),
    ...(seriesInstanceUids === null ? {} : { seriesInstanceUids }),
  };
}

/** A study with a pseudonym is de-identified; under the key of the installation, so that every attempt gives the same UIDs. */
async function transformsOf(
  db: Kysely<Schema>,
  { secrets }: OpenOptions,
  { pseudonym }: ClaimedTask,
): Promise<Transform[]> {
  if (pseudonym === null) return [];
  const key = await installationKey(db, secrets, 'pseudonyms');
  return [createPseudonymizer({ recipe: 'basic', key, pseudonym }).transform];
}

/** In a folder node each job has a folder of its own, named as ADIT always did. */
function folderOf({ settings }: StoredNode, { jobId, jobCreatedAt, owner }: ClaimedTask): string {
  if (settings.kind !== 'folder') return '';
  const day = jobCreatedAt.toISOString().slice(0, 10).replaceAll('-', '');
  return join(settings.path, safeName(`adit_selective_transfer_${jobId}_${day}_${owner}`));
}

/** The cause of trouble, for the log alone. */
function logProblem(logger: Logger, { id, jobId }: ClaimedTask, { problem }: TransferResult): void {
  if (!problem || problem.code === 'CANCELED') return;
  logger.warn({ taskId: id, jobId, code: problem.code, err: problem.cause }, problem.message);
}
