import {
  type Attributes,
  type AttributesInput,
  attributesFrom,
  type Query,
  type QueryLevel,
  returnKeys,
  SopClass,
  TransferSyntax,
} from '@adit/core';
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

function nativeContext(abstractSyntax: string): ContextRequest {
  return { abstractSyntax, transferSyntaxes: NATIVE };
}

/** The model to ask in: Study Root, unless the level or the node wants Patient Root. */
export function findModel(association: Association, level: QueryLevel): string {
  return chooseModel(
    association,
    level === 'PATIENT' ? [SopClass.PatientRootFind] : [SopClass.StudyRootFind, SopClass.PatientRootFind],
    'searched (C-FIND)',
  );
}

/** The model to retrieve in. */
export function getModel(association: Association, patientId: string | undefined): string {
  return chooseModel(
    association,
    patientId === undefined ? [SopClass.StudyRootGet] : [SopClass.StudyRootGet, SopClass.PatientRootGet],
    'retrieved from (C-GET)',
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

/** Characters beyond ASCII need a Specific Character Set (0008,0005). */
const BEYOND_ASCII = /[^\0-\x7f]/;

/** The identifier of a C-FIND: keys, return keys, level (PS3.4 §C.4.1.1.3). */
export function queryIdentifier(query: Query): Attributes {
  const input: Record<string, AttributesInput[string]> = {};
  for (const keyword of returnKeys(query.level)) input[keyword] = '';
  for (const [keyword, value] of Object.entries(query.keys)) {
    input[keyword] = value === '' ? '' : value.split('\\');
  }
  input.QueryRetrieveLevel = query.level;
  if (Object.values(query.keys).some((value) => BEYOND_ASCII.test(value))) {
    input.SpecificCharacterSet = 'ISO_IR 192';
  }
  return attributesFrom(input);
}
