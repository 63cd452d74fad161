import { type Attributes, identifierOf, type Query, SopClass, TransferSyntax } from '@adit/core';
import type { Association } from './association.ts';
import { DimseError } from './dimse-error.ts';
import type { ContextRequest } from './presentation-context.ts';

const NATIVE = [TransferSyntax.ExplicitVrLittleEndian, TransferSyntax.ImplicitVrLittleEndian];

/** Contexts for queries in both information models (PS3.4 §C.6). */
export function findContexts(): ContextRequest[] {
  return [SopClass.StudyRootFind, SopClass.PatientRootFind].map(nativeContext);
}

/** Contexts for retrievals in both information models. */
export function getContexts(): ContextRequest[] {
  return [SopClass.StudyRootGet, SopClass.PatientRootGet].map(nativeContext);
}

/** Contexts for having a selection sent elsewhere, in both information models. */
export function moveContexts(): ContextRequest[] {
  return [SopClass.StudyRootMove, SopClass.PatientRootMove].map(nativeContext);
}

/** The context for storage commitment. */
export function commitmentContexts(): ContextRequest[] {
  return [nativeContext(SopClass.StorageCommitmentPushModel)];
}

function nativeContext(abstractSyntax: string): ContextRequest {
  return { abstractSyntax, transferSyntaxes: NATIVE };
}

/**
 * The C-FIND a query comes to: in Study Root, unless the level or the node wants Patient Root. A node without Patient Root
 * is asked for studies instead of patients; a local filter makes one answer a patient of them.
 */
export function planFind(
  association: Association,
  query: Query,
): { sopClassUid: string; identifier: Attributes } {
  const identifier = identifierOf(query);
  const models =
    query.level === 'PATIENT'
      ? [SopClass.PatientRootFind, SopClass.StudyRootFind]
      : [SopClass.StudyRootFind, SopClass.PatientRootFind];
  const sopClassUid = chooseModel(association, models, 'searched (C-FIND)');
  if (query.level !== 'PATIENT' || sopClassUid === SopClass.PatientRootFind)
    return { sopClassUid, identifier };
  return { sopClassUid, identifier: { ...identifier, '00080052': { vr: 'CS', Value: ['STUDY'] } } };
}

/** The model to retrieve in. Patient Root needs a Patient ID. */
export function getModel(association: Association, patientId: string | undefined): string {
  const models = [SopClass.StudyRootGet, SopClass.PatientRootGet];
  return chooseModel(
    association,
    patientId === undefined ? models.slice(0, 1) : models,
    'retrieved from (C-GET)',
  );
}

/** The model to move in. Patient Root needs a Patient ID. */
export function moveModel(association: Association, patientId: string | undefined): string {
  const models = [SopClass.StudyRootMove, SopClass.PatientRootMove];
  return chooseModel(
    association,
    patientId === undefined ? models.slice(0, 1) : models,
    'retrieved from (C-MOVE)',
  );
}

function chooseModel(association: Association, models: readonly string[], what: string): string {
  const model = models.find((candidate) => association.findContext(candidate) !== undefined);
  if (model) return model;
  throw new DimseError(
    'NO_CONTEXT',
    `${association.peer} does not allow being ${what}; enable it at the node for this AE title.`,
  );
}
