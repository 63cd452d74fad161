import type { NewJob, Series, Study } from '@adit/client';

/** A chosen study; without `series` all of it. */
export interface Choice {
  study: Study;
  series?: ReadonlySet<string>;
  /** Series of the study, once they are known. */
  known?: readonly Series[];
}

/** What was chosen, by Study Instance UID. */
export type Basket = ReadonlyMap<string, Choice>;

export interface Patient {
  /** Patient ID, or the study's UID where the source has none. */
  key: string;
  choices: Choice[];
}

/** How much of a study is chosen. */
export function chosenOf(basket: Basket, studyInstanceUid: string): 'all' | 'some' | 'none' {
  const choice = basket.get(studyInstanceUid);
  if (!choice) return 'none';
  return choice.series ? 'some' : 'all';
}

export function isSeriesChosen(basket: Basket, studyInstanceUid: string, seriesInstanceUid: string): boolean {
  const choice = basket.get(studyInstanceUid);
  return choice !== undefined && (choice.series?.has(seriesInstanceUid) ?? true);
}

/** The whole study in or out; a study of which a part is chosen becomes whole. */
export function toggleStudy(basket: Basket, study: Study): Basket {
  const next = new Map(basket);
  if (chosenOf(basket, study.studyInstanceUid) === 'all') next.delete(study.studyInstanceUid);
  else next.set(study.studyInstanceUid, { study });
  return next;
}

/** All these studies in as a whole, or all of them out; what else was chosen stays. */
export function toggleAll(basket: Basket, studies: readonly Study[], choose: boolean): Basket {
  const next = new Map(basket);
  for (const study of studies) {
    if (choose) next.set(study.studyInstanceUid, { study });
    else next.delete(study.studyInstanceUid);
  }
  return next;
}

/** One series in or out. All of them is the whole study, none of them no study. */
export function toggleSeries(
  basket: Basket,
  study: Study,
  known: readonly Series[],
  seriesInstanceUid: string,
): Basket {
  const next = new Map(basket);
  const chosen = new Set(
    known
      .map((one) => one.seriesInstanceUid)
      .filter((uid) => isSeriesChosen(basket, study.studyInstanceUid, uid)),
  );
  if (!chosen.delete(seriesInstanceUid)) chosen.add(seriesInstanceUid);
  if (chosen.size === 0) next.delete(study.studyInstanceUid);
  else if (chosen.size === known.length) next.set(study.studyInstanceUid, { study });
  else next.set(study.studyInstanceUid, { study, series: chosen, known });
  return next;
}

/** Images of a choice; undefined where the source does not count. */
function imagesOf({ study, series, known }: Choice): number | undefined {
  if (!series || !known) return study.instances;
  const counts = known.filter((one) => series.has(one.seriesInstanceUid)).map((one) => one.instances);
  return counts.every((count) => count !== undefined)
    ? counts.reduce<number>((sum, count) => sum + (count ?? 0), 0)
    : undefined;
}

/** Images of several choices; undefined where one of them is not known. */
export function imagesOfAll(choices: Iterable<Choice>): number | undefined {
  let sum = 0;
  for (const choice of choices) {
    const images = imagesOf(choice);
    if (images === undefined) return undefined;
    sum += images;
  }
  return sum;
}

/** Patients in the order they were chosen: each gets one pseudonym. */
export function patientsOf(basket: Basket): Patient[] {
  const patients = new Map<string, Patient>();
  for (const choice of basket.values()) {
    const key = choice.study.patientId || choice.study.studyInstanceUid;
    const patient = patients.get(key);
    if (patient) patient.choices.push(choice);
    else patients.set(key, { key, choices: [choice] });
  }
  return [...patients.values()];
}

/** Pseudonyms `SUBJ001`, `SUBJ002`, … with as many digits as the last one needs, at least three. */
export function numberedPseudonyms(prefix: string, count: number): string[] {
  const digits = Math.max(3, String(count).length);
  return Array.from({ length: count }, (_, index) => prefix.trim() + String(index + 1).padStart(digits, '0'));
}

/** The job that a basket means. Without pseudonyms everything goes unchanged. */
export function jobOf(
  basket: Basket,
  sourceId: string,
  destinationId: string,
  pseudonyms: ReadonlyMap<string, string> | undefined,
): NewJob {
  const studies = patientsOf(basket).flatMap(({ key, choices }) =>
    choices.map(({ study, series }) => {
      const pseudonym = pseudonyms?.get(key);
      return {
        studyInstanceUid: study.studyInstanceUid,
        ...(study.patientId ? { patientId: study.patientId } : {}),
        ...(series ? { seriesInstanceUids: [...series] } : {}),
        ...(pseudonym === undefined ? {} : { pseudonym }),
      };
    }),
  );
  return { kind: 'selective', sourceId, destinationId, studies };
}

/**
 * What is wrong with a pseudonym, in words; undefined when it will do. It becomes PatientID and PatientName, so neither
 * wildcards nor the delimiters of names may be in it.
 */
export function pseudonymTrouble(text: string): string | undefined {
  if (text.trim() === '') return 'is missing';
  if (text.trim().length > 64) return 'is longer than 64 characters';
  if (/[\\\p{Cc}*?^=]/u.test(text)) return 'must not hold any of \\ * ? ^ =';
  return undefined;
}
