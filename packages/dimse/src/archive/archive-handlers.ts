import { attributesFrom, textsOf } from '@adit/core';
import { DimseError } from '../dimse-error.ts';
import { createDimseSink } from '../dimse-sink.ts';
import type { DimseNode } from '../node.ts';
import type { GetAnswer, RetrieveRequest, ScpHandlers } from '../scp/handlers.ts';
import { Status } from '../status.ts';
import type { Archive } from './archive.ts';
import { ignoresKeysOf, type UniqueKeys, uniqueKeysOf } from './archive-index.ts';

function refusal(status: number, comment: string): DimseError {
  return new DimseError('STATUS', `A peer's request was refused: ${comment}.`, { status, comment });
}

/**
 * What a C-GET or C-MOVE asks for: the unique key of its level, and those above as far as they are there (PS3.4 §C.4.2.2.1,
 * §C.4.3.2.1).
 */
function requestedKeys({ level, identifier }: RetrieveRequest): UniqueKeys {
  const keys = uniqueKeysOf(identifier);
  const patientIds = textsOf(identifier, 'PatientID').filter((id) => id !== '');
  const unique = {
    PATIENT: patientIds.length > 0,
    STUDY: keys.studyInstanceUids !== undefined,
    SERIES: keys.seriesInstanceUids !== undefined,
    IMAGE: keys.sopInstanceUids !== undefined,
  };
  if (!unique[level]) {
    throw refusal(Status.identifierDoesNotMatchSopClass, `the unique key of the ${level} level is missing`);
  }
  return { ...keys, ...(patientIds.length > 0 && { patientIds: new Set(patientIds) }) };
}

/** Data sets are read from disk when somebody iterates them. */
function retrieval(archive: Archive, request: RetrieveRequest): GetAnswer {
  const instances = archive.select(requestedKeys(request));
  return {
    count: instances.length,
    instances: (async function* () {
      yield* instances;
    })(),
  };
}

export interface ArchiveHandlersOptions {
  /** Where a C-MOVE may send to, by AE title. Default: nowhere, every destination is unknown (A801). */
  peers?: readonly DimseNode[];
}

/**
 * What a server needs to serve an archive: C-ECHO, C-STORE, and C-FIND, C-GET and C-MOVE in all models and at all levels.
 *
 * @param aeTitle told as Retrieve AE Title (0008,0054) in answers, and the calling AE title of what C-MOVE sends
 *
 * @example
 * const handlers = archiveHandlers(await openArchive(folder), 'PACS');
 * await using server = await listen({ aeTitle: 'PACS', host: '127.0.0.1', port: 0, handlers });
 */
export function archiveHandlers(
  archive: Archive,
  aeTitle: string,
  options: ArchiveHandlersOptions = {},
): Required<Omit<ScpHandlers, 'eventReport'>> {
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
      const { level, identifier, extensions } = request;
      if (ignoresKeysOf(level, identifier)) request.ignoresKeys();
      const combinedDateTime = extensions.combinedDateTime ?? false;
      const answer = attributesFrom({
        RetrieveAETitle: aeTitle,
        InstanceAvailability: 'ONLINE',
      });
      for (const match of archive.find(level, identifier, { combinedDateTime }))
        yield { ...match, ...answer };
    },

    get: (request) => retrieval(archive, request),

    move(request) {
      const { destination, callingAeTitle, messageId } = request;
      const peer = options.peers?.find((one) => one.aeTitle.trim() === destination);
      if (!peer) throw refusal(Status.moveDestinationUnknown, 'the move destination is not configured');
      const sink = createDimseSink(
        { callingAeTitle: aeTitle, ...peer },
        { moveOriginator: { aeTitle: callingAeTitle, messageId } },
      );
      return { ...retrieval(archive, request), sink };
    },
  };
}
