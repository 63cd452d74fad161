import { isStorageSopClass, isValidUid, registeredUid, SopClass, TransferSyntax } from '@adit/core';
import type { AcceptedSopClass } from '../presentation-context.ts';
import type { InformationModel, ScpHandlers } from './handlers.ts';

/** Retired, and still proposed by old workstations (PS3.4-2004 §C.6.3). */
const PATIENT_STUDY_ONLY_FIND = '1.2.840.10008.5.1.4.1.2.3.1';
const PATIENT_STUDY_ONLY_MOVE = '1.2.840.10008.5.1.4.1.2.3.2';
const PATIENT_STUDY_ONLY_GET = '1.2.840.10008.5.1.4.1.2.3.3';

/** SOP classes of C-FIND by information model. */
export const FIND_MODELS: Readonly<Record<string, InformationModel>> = {
  [SopClass.PatientRootFind]: 'patient-root',
  [SopClass.StudyRootFind]: 'study-root',
  [PATIENT_STUDY_ONLY_FIND]: 'patient-study-only',
};

/** SOP classes of C-GET by information model. */
export const GET_MODELS: Readonly<Record<string, InformationModel>> = {
  [SopClass.PatientRootGet]: 'patient-root',
  [SopClass.StudyRootGet]: 'study-root',
  [PATIENT_STUDY_ONLY_GET]: 'patient-study-only',
};

/** SOP classes of C-MOVE by information model. */
export const MOVE_MODELS: Readonly<Record<string, InformationModel>> = {
  [SopClass.PatientRootMove]: 'patient-root',
  [SopClass.StudyRootMove]: 'study-root',
  [PATIENT_STUDY_ONLY_MOVE]: 'patient-study-only',
};

/** What a server with these handlers takes. Every storage class is, known or private, in every transfer syntax. */
export function acceptancePolicy(
  handlers: ScpHandlers,
): (abstractSyntax: string) => AcceptedSopClass | undefined {
  const asked: AcceptedSopClass = { chooseTransferSyntax: chooseNative, peerScu: true, peerScp: false };
  const storage: AcceptedSopClass = {
    chooseTransferSyntax: chooseAny,
    peerScu: handlers.store !== undefined,
    peerScp: handlers.get !== undefined,
  };
  // The peer reports as SCP, and there are peers that do not select the role for it.
  const reports: AcceptedSopClass = { ...asked, peerScp: true };
  return (abstractSyntax) => {
    if (abstractSyntax === SopClass.Verification) return asked;
    if (abstractSyntax === SopClass.StorageCommitmentPushModel) return handlers.eventReport && reports;
    if (abstractSyntax in FIND_MODELS) return handlers.find && asked;
    if (abstractSyntax in GET_MODELS) return handlers.get && asked;
    if (abstractSyntax in MOVE_MODELS) return handlers.move && asked;
    return isStorageSopClass(abstractSyntax) || isPrivateUid(abstractSyntax) ? storage : undefined;
  };
}

/** What the standard does not list is taken for a private storage class. */
function isPrivateUid(uid: string): boolean {
  return isValidUid(uid) && registeredUid(uid) === undefined;
}

const NATIVE: readonly string[] = [
  TransferSyntax.ExplicitVrLittleEndian,
  TransferSyntax.ImplicitVrLittleEndian,
];

/** For data sets that this side reads itself. */
function chooseNative(proposed: readonly string[]): string | undefined {
  return NATIVE.find((uid) => proposed.includes(uid));
}

/** For objects, which are not looked into: a peer that leaves the choice can always send them native. */
function chooseAny(proposed: readonly string[]): string | undefined {
  return chooseNative(proposed) ?? proposed.find(isValidUid);
}
