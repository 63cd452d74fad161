import {
  type Attributes,
  attributesFrom,
  keywordOf,
  parseTag,
  type Query,
  type Queryable,
  type QueryLevel,
  Tags,
  tagToHex,
  textOf,
  vrOf,
} from '@adit/core';
import { includesType, parseAccept } from './accept.ts';
import type { RequestContext } from './context.ts';
import { HttpProblem } from './http-problem.ts';
import type { DicomWebOperation } from './operation.ts';
import { jsonArrayResponse } from './stream-response.ts';

type SearchOperation = DicomWebOperation & { kind: 'search' };
type SearchLevel = SearchOperation['level'];

/** What a search says beside its path (PS3.18 §8.3.4). */
interface SearchParameters {
  keys: Record<string, string>;
  limit?: number;
  offset: number;
  /** What is done otherwise than asked, for the Warning header. */
  warnings: string[];
}

/** Attributes that answers must hold (PS3.18 Tables 10.6.3-3 to 10.6.3-5) and that queries do not ask for anyway. */
const REQUIRED: Readonly<Record<SearchLevel, readonly string[]>> = {
  STUDY: ['ReferringPhysicianName', 'StudyID'],
  SERIES: ['PerformedProcedureStepStartDate', 'PerformedProcedureStepStartTime'],
  IMAGE: ['Rows', 'Columns', 'BitsAllocated', 'NumberOfFrames'],
};

const MAX_KEYS = 100;
const MAX_VALUE_LENGTH = 8_192;

/** Answers a search (PS3.18 §10.6) while matches arrive. */
export async function search(context: RequestContext, operation: SearchOperation): Promise<Response> {
  if (!context.queryable) throw new HttpProblem(501, 'This service cannot be searched.');
  acceptsJson(context);
  const parameters = readSearchParameters(context.url.searchParams, operation);
  const { signal } = context.request;
  const matches = found(context.queryable, operation, parameters, signal);
  const answers = page(matches, parameters, (match) => withUrl(match, operation, context.root));
  const headers: Record<string, string> =
    parameters.warnings.length === 0
      ? {}
      : { warning: parameters.warnings.map((text) => `299 - "${text}"`).join(', ') };
  return jsonArrayResponse(answers, context, { headers });
}

/** Throws `HttpProblem` 406 when the client wants something else than DICOM JSON. */
export function acceptsJson({ request, url }: RequestContext): void {
  const ranges = parseAccept(url.searchParams.get('accept') ?? request.headers.get('accept'));
  const accepted = ranges.some(
    (range) => includesType(range, 'application/dicom+json') || includesType(range, 'application/json'),
  );
  if (!accepted) throw new HttpProblem(406, 'This is available as application/dicom+json only.');
}

/** Reads the query string. Throws `HttpProblem` 400, which says what is wrong. */
function readSearchParameters(parameters: URLSearchParams, operation: SearchOperation): SearchParameters {
  const result: SearchParameters = { keys: {}, offset: 0, warnings: [] };
  const asked = new Set<string>(REQUIRED[operation.level]);
  const matched = new Map<string, string>();
  for (const [name, value] of parameters) {
    switch (name.toLowerCase()) {
      case 'limit':
        result.limit = wholeNumber(name, value, result.limit);
        continue;
      case 'offset':
        result.offset = wholeNumber(name, value, result.offset || undefined);
        continue;
      case 'includefield':
        for (const field of value.split(',')) if (field !== 'all') asked.add(keyOf(field));
        continue;
      case 'fuzzymatching':
      case 'emptyvaluematching':
      case 'multiplevaluematching':
        if (value !== 'true' && value !== 'false') throw invalid(`The parameter ${name} is true or false.`);
        if (value === 'true') {
          result.warnings.push(
            `The ${name.toLowerCase()} parameter is not supported. Only literal matching has been performed.`,
          );
        }
        continue;
      case 'accept':
      case 'charset':
        continue;
    }
    const key = keyOf(name);
    if (matched.has(key)) throw invalid(`${key} is given twice.`);
    matched.set(key, value);
    if (matched.size > MAX_KEYS) throw invalid(`More than ${MAX_KEYS} attributes to match by are too many.`);
  }
  for (const [key, value] of matched) {
    const tag = parseTag(key)!;
    if (value !== '' && vrOf(tag) === 'SQ') throw invalid(`${key} is a sequence: it cannot be matched by.`);
    if (value.length > MAX_VALUE_LENGTH || /\p{Cc}/u.test(value))
      throw invalid(`The value of ${key} is not one.`);
    // A list of UIDs has commas between them (PS3.18 §8.3.4.1).
    result.keys[key] = vrOf(tag) === 'UI' ? value.replaceAll(',', '\\') : value;
  }
  for (const key of asked) result.keys[key] ??= '';
  const own = [
    ['StudyInstanceUID', operation.studyInstanceUid],
    ['SeriesInstanceUID', operation.seriesInstanceUid],
  ] as const;
  for (const [key, uid] of own) {
    if (uid === undefined) continue;
    if (result.keys[key] && result.keys[key] !== uid) throw invalid(`${key} is another one in the path.`);
    result.keys[key] = uid;
  }
  return result;
}

function wholeNumber(name: string, value: string, before: number | undefined): number {
  if (!/^\d{1,9}$/.test(value)) throw invalid(`The parameter ${name} is a whole number from 0 on.`);
  if (before !== undefined) throw invalid(`The parameter ${name} is given twice.`);
  return Number(value);
}

/** The name queries know an attribute by. */
function keyOf(name: string): string {
  if (name.includes('.'))
    throw invalid('Attributes of sequences can neither be matched by nor asked for one by one.');
  const tag = parseTag(name);
  if (tag !== undefined) return keywordOf(tag) || tagToHex(tag);
  // Only what looks like a keyword is repeated: anything else may be a value that went astray.
  const named = /^[A-Z][A-Za-z]{1,63}$/.test(name) ? name : 'A parameter';
  throw invalid(
    `${named} is neither a parameter of a search nor an attribute by keyword or eight hexadecimal digits.`,
  );
}

const invalid = (detail: string): HttpProblem => new HttpProblem(400, detail);

async function* found(
  queryable: Queryable,
  { level }: SearchOperation,
  { keys, limit, offset }: SearchParameters,
  signal: AbortSignal,
): AsyncGenerator<Attributes, void, undefined> {
  const bound = limit === undefined ? {} : { limit: limit + offset };
  if (limit === 0) return;
  if (level !== 'IMAGE' || !keys.StudyInstanceUID || keys.SeriesInstanceUID) {
    yield* queryable.find({ level, keys, ...bound }, { signal });
    return;
  }
  // Series by series: not every node answers to anything else (PS3.4 §C.4.1.2.1).
  const above: Query = {
    level: 'SERIES',
    keys: { StudyInstanceUID: keys.StudyInstanceUID },
    returnKeys: 'unique',
  };
  for await (const series of queryable.find(above, { signal })) {
    const SeriesInstanceUID = textOf(series, Tags.SeriesInstanceUID);
    if (SeriesInstanceUID === undefined) continue;
    yield* queryable.find({ level, keys: { ...keys, SeriesInstanceUID }, ...bound }, { signal });
  }
}

async function* page(
  matches: AsyncIterable<Attributes>,
  { offset, limit }: SearchParameters,
  finish: (match: Attributes) => Attributes,
): AsyncGenerator<Attributes, void, undefined> {
  let index = 0;
  for await (const match of matches) {
    if (index++ < offset) continue;
    yield finish(match);
    if (limit !== undefined && index - offset >= limit) return;
  }
}

/** Adds what a client needs to go on: UIDs that the path held, and the Retrieve URL. */
function withUrl(match: Attributes, operation: SearchOperation, root: string): Attributes {
  const study = textOf(match, Tags.StudyInstanceUID) ?? operation.studyInstanceUid;
  const series = textOf(match, Tags.SeriesInstanceUID) ?? operation.seriesInstanceUid;
  const instance = textOf(match, Tags.SOPInstanceUID);
  const parts: Record<QueryLevel, readonly (string | undefined)[]> = {
    PATIENT: [],
    STUDY: [study],
    SERIES: [study, series],
    IMAGE: [study, series, instance],
  };
  const uids = parts[operation.level];
  const path = uids.map((uid, i) => `/${['studies', 'series', 'instances'][i]}/${uid}`).join('');
  const { '00080052': _level, ...rest } = match;
  const added = attributesFrom({
    StudyInstanceUID: study,
    SeriesInstanceUID: operation.level === 'STUDY' ? undefined : series,
    RetrieveURL: uids.includes(undefined) ? undefined : root + path,
  });
  return Object.fromEntries(Object.entries({ ...rest, ...added }).sort(([a], [b]) => (a < b ? -1 : 1)));
}
