import { type Tag, Tags, type Vr } from '@adit/core';
import type { Profile } from '../profile/profile.ts';
import { dateStamps } from './stamps.ts';

/** What stands for the patient of an instance. */
export interface Subject {
  /** Patient ID and Patient's Name to be. */
  readonly pseudonym: string;
  /** By how many days dates are moved; 0 where they are not. */
  readonly days: number;
  /** Patient's Age (0010,1010) to be, where it is retained and known. */
  readonly age: string | undefined;
}

/** An element that a data set has afterwards whether it had it before or not, at the place where it belongs. */
export interface OwnElement {
  readonly tag: Tag;
  readonly vr: Vr;
  /** Its value; undefined where that depends on what the data set has. */
  readonly text: string | undefined;
}

/** The pseudonym, the tags of a trial and the stamps (PS3.15 §E.1.1, PS3.3 §C.7.1.1 and §C.12.1), ascending. */
export function ownElements(
  profile: Profile,
  subject: Subject,
  cleansPixels: boolean,
): readonly OwnElement[] {
  const { trial } = profile.recipe;
  const age = profile.ruleFor(Tags.PatientAge).action === 'K' ? subject.age : undefined;
  const elements: (OwnElement | undefined)[] = [
    { tag: Tags.PatientName, vr: 'PN', text: subject.pseudonym },
    { tag: Tags.PatientID, vr: 'LO', text: subject.pseudonym },
    given(Tags.PatientAge, 'AS', age),
    trial?.patientComments === 'xnat' ? { tag: Tags.PatientComments, vr: 'LT', text: undefined } : undefined,
    given(Tags.ClinicalTrialProtocolID, 'LO', trial?.protocolId),
    given(Tags.ClinicalTrialProtocolName, 'LO', trial?.protocolName),
    { tag: Tags.PatientIdentityRemoved, vr: 'CS', text: 'YES' },
    { tag: Tags.DeidentificationMethod, vr: 'LO', text: undefined },
    { tag: Tags.DeidentificationMethodCodeSequence, vr: 'SQ', text: undefined },
    given(Tags.BurnedInAnnotation, 'CS', cleansPixels ? 'NO' : undefined),
    {
      tag: Tags.LongitudinalTemporalInformationModified,
      vr: 'CS',
      text: dateStamps[profile.datesLeft],
    },
  ];
  return elements.filter((element) => element !== undefined);
}

function given(tag: Tag, vr: Vr, text: string | undefined): OwnElement | undefined {
  return text === undefined ? undefined : { tag, vr, text };
}
