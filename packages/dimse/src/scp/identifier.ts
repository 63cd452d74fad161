import { type Attributes, decodeDataset, type QueryLevel, textOf } from '@adit/core';
import { DimseError } from '../dimse-error.ts';
import type { IncomingRequest } from '../message-exchange.ts';
import { Status } from '../status.ts';
import type { InformationModel } from './handlers.ts';

/** Levels of the information models (PS3.4 §C.6). */
const LEVELS: Readonly<Record<InformationModel, ReadonlySet<string>>> = {
  'patient-root': new Set<QueryLevel>(['PATIENT', 'STUDY', 'SERIES', 'IMAGE']),
  'study-root': new Set<QueryLevel>(['STUDY', 'SERIES', 'IMAGE']),
  'patient-study-only': new Set<QueryLevel>(['PATIENT', 'STUDY']),
};

/** The identifier of a query or retrieval with its level. Throws A900 where it is none (PS3.4 §C.4.1.1.4). */
export function readIdentifier(
  request: IncomingRequest,
  models: Readonly<Record<string, InformationModel>>,
): { identifier: Attributes; level: QueryLevel; model: InformationModel } {
  const model = models[request.context.abstractSyntax];
  if (!model) throw refusal('the SOP class does not fit the operation');
  if (!request.identifier) throw refusal('the request has no identifier');
  let identifier: Attributes;
  try {
    identifier = decodeDataset(request.identifier, { transferSyntaxUid: request.context.transferSyntax });
  } catch (cause) {
    throw refusal('the identifier cannot be read', cause);
  }
  const level = textOf(identifier, 'QueryRetrieveLevel');
  if (level === undefined || !LEVELS['patient-root'].has(level)) {
    throw refusal('Query/Retrieve Level is missing or wrong');
  }
  if (!LEVELS[model].has(level)) throw refusal(`the information model has no level ${level}`);
  return { identifier, level: level as QueryLevel, model };
}

function refusal(comment: string, cause?: unknown): DimseError {
  return new DimseError('STATUS', `A peer's identifier was refused: ${comment}.`, {
    status: Status.identifierDoesNotMatchSopClass,
    comment,
    cause,
  });
}
