import { numberOf, textOf, textsOf } from '../data/attribute-access.ts';
import type { Attributes } from '../data/attributes.ts';
import { DicomError } from '../errors.ts';
import type { AbortableOptions, Query, Queryable } from '../query/types.ts';
import type { Selection } from './types.ts';

/** What a source says a selection holds. */
export interface ExpectedInstances {
  /** SOP Instance UIDs by series, where the source answers at IMAGE level for every series. */
  instances?: ReadonlyMap<string, readonly string[]>;
  /** SOP classes of them, as far as the source told. */
  sopClassUids: readonly string[];
  /** Number of instances to deliver; undefined when the source cannot count. */
  count?: number;
  /** Number of instances in series left out by modality. */
  excluded: number;
  /** The selection to ask the source for: series left out are no longer in it. Undefined when nothing is left. */
  selection?: Selection;
  /** How many instances the source counts in each chosen series, where it says so. */
  seriesCounts?: ReadonlyMap<string, number>;
  /** One sentence about what is not as it was asked for, and does not keep the selection from being delivered. */
  remark?: string;
}

/** A selection whose study and series the source has told. */
export interface SelectionPlan {
  /** What is known of it so far: no `instances`, and a `count` where the source counts those of every series. */
  readonly counted: ExpectedInstances;
  /** Asks for the instances of each series. */
  list(): Promise<ExpectedInstances>;
}

/**
 * Asks a source what a selection holds, so that completeness can be judged afterwards: study, then its series, then the
 * instances of each. A source that does not answer at IMAGE level is asked for counts.
 *
 * Throws as `planSelection` does.
 */
export async function expectedInstances(
  source: Queryable,
  asked: Selection,
  options: AbortableOptions = {},
): Promise<ExpectedInstances> {
  return (await planSelection(source, asked, options)).list();
}

/**
 * Asks a source for the study of a selection and its series.
 *
 * A study that is not found under the Patient ID of the selection is looked for without it: patients get merged. It is then
 * asked for under the Patient ID it is filed under, and `remark` says so.
 *
 * Throws `DicomError` with code `STUDY_NOT_FOUND`, `STUDY_AMBIGUOUS` or `SERIES_NOT_FOUND`.
 */
export async function planSelection(
  source: Queryable,
  asked: Selection,
  options: AbortableOptions = {},
): Promise<SelectionPlan> {
  const { study, selection, remark } = await findStudy(source, asked, options);
  const unique = { StudyInstanceUID: selection.studyInstanceUid };
  const patient = selection.patientId === undefined ? {} : { PatientID: selection.patientId };

  const all = await collect(
    source,
    {
      level: 'SERIES',
      keys: { ...unique, ...patient, Modality: '', NumberOfSeriesRelatedInstances: '' },
      returnKeys: 'unique',
    },
    options,
  );
  const wanted = selection.seriesInstanceUids && new Set(selection.seriesInstanceUids);
  const chosen = wanted ? all.filter((one) => wanted.has(textOf(one, 'SeriesInstanceUID') ?? '')) : all;
  const found = new Set(chosen.map((one) => textOf(one, 'SeriesInstanceUID')));
  if (wanted && [...wanted].some((uid) => !found.has(uid))) {
    throw new DicomError(
      'SERIES_NOT_FOUND',
      'The source does not know all of the chosen series: search the study again and choose anew.',
    );
  }

  const excludedModalities = new Set(selection.excludeModalities ?? []);
  const kept = chosen.filter((one) => !excludedModalities.has(textOf(one, 'Modality') ?? ''));
  const excludedSeries = chosen.filter((one) => excludedModalities.has(textOf(one, 'Modality') ?? ''));
  const excluded = excludedSeries.reduce(
    (sum, one) => sum + (numberOf(one, 'NumberOfSeriesRelatedInstances') ?? 0),
    0,
  );
  const remarked = remark === undefined ? {} : { remark };
  if (chosen.length > 0 && kept.length === 0) {
    const nothing = { sopClassUids: [], count: 0, excluded, ...remarked };
    return { counted: nothing, list: async () => nothing };
  }

  const narrowed: Selection = { ...selection };
  if (excludedSeries.length > 0)
    narrowed.seriesInstanceUids = kept.map((one) => textOf(one, 'SeriesInstanceUID') ?? '');

  const counted: ExpectedInstances = {
    sopClassUids: textsOf(study, 'SOPClassesInStudy').filter(Boolean),
    excluded,
    selection: narrowed,
    seriesCounts: countsOf(kept),
    ...remarked,
  };
  const counts = kept.map((one) => numberOf(one, 'NumberOfSeriesRelatedInstances'));
  if (selection.sopInstanceUids) {
    counted.count = new Set(selection.sopInstanceUids).size;
  } else if (kept.length > 0 && counts.every((count) => count !== undefined)) {
    counted.count = counts.reduce<number>((sum, count) => sum + (count ?? 0), 0);
  } else if (!wanted && excludedSeries.length === 0) {
    const count = numberOf(study, 'NumberOfStudyRelatedInstances');
    if (count !== undefined) counted.count = count;
  }
  const series = kept.map((one) => textOf(one, 'SeriesInstanceUID') ?? '');
  return { counted, list: () => listInstances(source, counted, series, { ...unique, ...patient }, options) };
}

/** Adds to what is counted the instances of each series, where the source answers for all of them. */
async function listInstances(
  source: Queryable,
  counted: ExpectedInstances,
  series: readonly string[],
  above: Readonly<Record<string, string>>,
  options: AbortableOptions,
): Promise<ExpectedInstances> {
  const instances = new Map<string, readonly string[]>();
  const sopClassUids = new Set(counted.sopClassUids);
  // Some nodes read every file to tell its SOP class: it is asked for only where the study did not say.
  const sopClass: Record<string, string> = sopClassUids.size > 0 ? {} : { SOPClassUID: '' };
  const chosen = counted.selection?.sopInstanceUids;
  const wanted = chosen && new Set(chosen);
  let answers = series.length > 0;
  for (const seriesInstanceUid of series) {
    const matches = await collectOrNothing(
      source,
      {
        level: 'IMAGE',
        keys: { ...above, SeriesInstanceUID: seriesInstanceUid, ...sopClass },
        returnKeys: 'unique',
      },
      options,
    );
    const uids: string[] = [];
    for (const match of matches) {
      const uid = textOf(match, 'SOPInstanceUID');
      if (uid === undefined || (wanted && !wanted.has(uid))) continue;
      uids.push(uid);
      const sopClassUid = textOf(match, 'SOPClassUID');
      if (sopClassUid) sopClassUids.add(sopClassUid);
    }
    if (matches.length === 0) answers = false;
    instances.set(seriesInstanceUid, uids);
  }
  const listed = { ...counted, sopClassUids: [...sopClassUids] };
  if (!answers) return listed;
  const count = [...instances.values()].reduce((sum, uids) => sum + uids.length, 0);
  return { ...listed, instances, count };
}

/**
 * Has the source got more of a selection since `expectedInstances` asked? So it is with a study that is still being
 * acquired, or sent to the source. A source that counts no instances gives no.
 */
export async function hasGrown(
  source: Queryable,
  expected: ExpectedInstances,
  options: AbortableOptions = {},
): Promise<boolean> {
  const { selection, seriesCounts } = expected;
  if (!selection || selection.sopInstanceUids || !seriesCounts?.size) return false;
  const { studyInstanceUid, patientId, seriesInstanceUids, excludeModalities = [] } = selection;
  const keys = {
    StudyInstanceUID: studyInstanceUid,
    ...(patientId === undefined ? {} : { PatientID: patientId }),
    Modality: '',
    NumberOfSeriesRelatedInstances: '',
  };
  const series = await collectOrNothing(source, { level: 'SERIES', keys, returnKeys: 'unique' }, options);
  const now = countsOf(series.filter((one) => !excludeModalities.includes(textOf(one, 'Modality') ?? '')));
  const wanted = seriesInstanceUids && new Set(seriesInstanceUids);
  return [...now].some(
    ([uid, count]) => (!wanted || wanted.has(uid)) && count > (seriesCounts.get(uid) ?? 0),
  );
}

function countsOf(series: readonly Attributes[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const one of series) {
    const count = numberOf(one, 'NumberOfSeriesRelatedInstances');
    if (count !== undefined) counts.set(textOf(one, 'SeriesInstanceUID') ?? '', count);
  }
  return counts;
}

async function findStudy(
  source: Queryable,
  selection: Selection,
  options: AbortableOptions,
): Promise<{ study: Attributes; selection: Selection; remark?: string }> {
  const ask = (patient: Record<string, string>) =>
    collect(
      source,
      {
        level: 'STUDY',
        keys: {
          StudyInstanceUID: selection.studyInstanceUid,
          NumberOfStudyRelatedInstances: '',
          SOPClassesInStudy: '',
          ...patient,
        },
        returnKeys: 'unique',
      },
      options,
    );
  const { patientId } = selection;
  const asAsked = await ask(patientId === undefined ? {} : { PatientID: patientId });
  const merged = asAsked.length === 0 && patientId !== undefined ? await ask({ PatientID: '' }) : [];
  const [study, ...others] = [...asAsked, ...merged];
  if (!study) {
    throw new DicomError(
      'STUDY_NOT_FOUND',
      'The source does not know this study: check its Study Instance UID and that it is still online.',
    );
  }
  if (others.length > 0) {
    throw new DicomError(
      'STUDY_AMBIGUOUS',
      'The source has several studies of this Study Instance UID: name the Patient ID it is filed under.',
    );
  }
  if (merged.length === 0) return { study, selection };
  const { patientId: _, ...rest } = selection;
  const filedUnder = textOf(study, 'PatientID');
  return {
    study,
    selection: filedUnder === undefined ? rest : { ...rest, patientId: filedUnder },
    remark:
      'The source files this study under another Patient ID than the one asked for: it was taken from there.',
  };
}

async function collect(source: Queryable, query: Query, options: AbortableOptions): Promise<Attributes[]> {
  const matches: Attributes[] = [];
  for await (const match of source.find(query, options)) matches.push(match);
  return matches;
}

/** Not every node answers at IMAGE level; what it refuses there is not an error of the transfer. */
async function collectOrNothing(...args: Parameters<typeof collect>): Promise<Attributes[]> {
  try {
    return await collect(...args);
  } catch (error) {
    const [, , options] = args;
    options.signal?.throwIfAborted();
    if (error instanceof DicomError && !error.retryable) return [];
    throw error;
  }
}
