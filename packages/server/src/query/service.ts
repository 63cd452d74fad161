import type { SeriesLine, StudyLine } from '@adit/client';
import { type Attributes, createLocalFilter, type Query, type Queryable, textsOf } from '@adit/core';
import { modalitiesOf, type StudySearchInput, studyQuery } from './study-query.ts';
import { toSeries, toStudy } from './to-study.ts';

/** Most series given out of one study; real ones stay far below. */
const MAX_SERIES = 5_000;

/** Searches a source; yields each study as it arrives and says at last whether there are more. */
export async function* searchStudies(
  source: Queryable,
  search: StudySearchInput,
  signal: AbortSignal,
): AsyncGenerator<StudyLine> {
  const query = studyQuery(search);
  const modalities = modalitiesOf(search);
  const fits = createLocalFilter(query, { caseInsensitive: true });
  // Some archives ignore keys they do not know: what comes back is looked at again.
  const wanted = (match: Attributes) =>
    fits(match) &&
    (modalities.length < 2 || textsOf(match, 'ModalitiesInStudy').some((one) => modalities.includes(one)));
  const found = find(source, query, { signal, limit: search.limit, wanted, convert: toStudy });
  for await (const match of found) yield 'end' in match ? match : { study: match.found };
}

/** Lists the series of a study. */
export async function* listSeries(
  source: Queryable,
  study: { studyInstanceUid: string; patientId?: string | undefined },
  signal: AbortSignal,
): AsyncGenerator<SeriesLine> {
  const keys: Record<string, string> = { StudyInstanceUID: study.studyInstanceUid };
  if (study.patientId) keys.PatientID = study.patientId;
  const query: Query = { level: 'SERIES', keys };
  const found = find(source, query, { signal, limit: MAX_SERIES, wanted: () => true, convert: toSeries });
  for await (const match of found) yield 'end' in match ? match : { series: match.found };
}

/**
 * The matches of a query that are wanted, each once, up to a limit, and the last line. The limit counts what is given out,
 * so it does not hide matches behind others that the source should not have sent.
 */
async function* find<T extends object>(
  source: Queryable,
  query: Query,
  options: {
    signal: AbortSignal;
    limit: number;
    wanted: (match: Attributes) => boolean;
    convert: (match: Attributes) => T | undefined;
  },
): AsyncGenerator<{ found: T } | { end: { matches: number; limited: boolean; seconds: number } }> {
  const started = performance.now();
  const seen = new Set<string>();
  const end = (limited: boolean) => {
    const seconds = Math.round(performance.now() - started) / 1000;
    return { end: { matches: seen.size, limited, seconds } };
  };
  for await (const match of source.find(query, { signal: options.signal })) {
    if (!options.wanted(match)) continue;
    const found = options.convert(match);
    if (!found) continue;
    const key = JSON.stringify(found);
    if (seen.has(key)) continue;
    if (seen.size === options.limit) {
      // Said before the source is told to stop, which it may take its time for.
      yield end(true);
      return;
    }
    seen.add(key);
    yield { found };
  }
  yield end(false);
}
