import { attributesFrom, textsOf } from '@adit/core';
import { DimseError } from '../dimse-error.ts';
import type { GetRequest, ScpHandlers } from '../scp/handlers.ts';
import { Status } from '../status.ts';
import type { Archive } from './archive.ts';
import { type UniqueKeys, uniqueKeysOf } from './archive-index.ts';

/** What a C-GET asks for: the unique key of its level, and those above as far as they are there (PS3.4 §C.4.3.2). */
function requestedKeys({ level, identifier }: GetRequest): UniqueKeys {
  const keys = uniqueKeysOf(identifier);
  const patientIds = textsOf(identifier, 'PatientID').filter((id) => id !== '');
  const unique = {
    PATIENT: patientIds.length > 0,
    STUDY: keys.studyInstanceUids !== undefined,
    SERIES: keys.seriesInstanceUids !== undefined,
    IMAGE: keys.sopInstanceUids !== undefined,
  };
  if (!unique[level]) {
    const comment = `the unique key of the ${level} level is missing`;
    throw new DimseError('STATUS', `A peer's identifier was refused: ${comment}.`, {
      status: Status.identifierDoesNotMatchSopClass,
      comment,
    });
  }
  return { ...keys, ...(patientIds.length > 0 && { patientIds: new Set(patientIds) }) };
}

/**
 * What a server needs to serve an archive: C-ECHO, C-STORE, and C-FIND and C-GET in all models and at all levels.
 *
 * @param aeTitle told as Retrieve AE Title (0008,0054) in answers
 */
export function archiveHandlers(archive: Archive, aeTitle: string): Required<ScpHandlers> {
  return {
    echo: () => Status.success,

    async store(request) {
      const { state, status, message } = await archive.store(request, {
        sourceAeTitle: request.callingAeTitle,
        signal: request.signal,
      });
      if (state !== 'failed') return Status.success;
      return {
        status: status ?? Status.processingFailure,
        ...(message === undefined ? {} : { comment: message }),
      };
    },

    async *find(request) {
      const { level, identifier } = request;
      const answer = attributesFrom({
        RetrieveAETitle: aeTitle,
        InstanceAvailability: 'ONLINE',
      });
      for (const match of archive.find(level, identifier)) yield { ...match, ...answer };
    },

    get(request) {
      const instances = archive.select(requestedKeys(request));
      return {
        count: instances.length,
        instances: (async function* () {
          yield* instances;
        })(),
      };
    },
  };
}
