import {
  type Attributes,
  isValidUid,
  type JsonAttribute,
  keywordOf,
  parseTag,
  type Query,
  type QueryLevel,
  returnKeys,
  type Tag,
  Tags,
  tagToHex,
  vrOf,
} from '@adit/core';
import { DicomWebError } from '../dicomweb-error.ts';

/** One search transaction (PS3.18 §10.6), without its paging. */
export interface SearchRequest {
  /** Path and query string below the service's root. */
  path: string;
  /** UIDs the path holds: answers leave them out. */
  known: Attributes;
  /** A bound on the number of matches, where the keys set one. */
  atMost?: number;
}

/** UIDs in one list: 64 characters each, and servers limit the length of an address to about 8,000. */
const UIDS_PER_REQUEST = 50;

/** More requests than this for a single query are refused. */
const MAX_REQUESTS = 100;

/**
 * The searches that answer a query. There is one, unless a key lists several values: UIDs are listed in one request
 * (PS3.18 §8.3.4.1), but what a server makes of `ModalitiesInStudy=CT,MR` is its own affair, so each value is asked for.
 *
 * PATIENT level asks for studies, for QIDO-RS knows no patients. Throws `DicomWebError` with code `INVALID_QUERY`.
 */
export function searchRequests(query: Query): SearchRequest[] {
  const level = query.level === 'PATIENT' ? 'STUDY' : query.level;
  const wanted = new Set<Tag>(returnKeys(query.level).map((key) => tagOfKey(key)));
  const filters = new Map<Tag, string[]>();
  for (const [key, value] of Object.entries(query.keys)) {
    const tag = tagOfKey(key);
    wanted.add(tag);
    const values = value.split('\\').filter((one) => one !== '');
    // One `*` in a list matches everything.
    if (values.length === 0 || values.some((one) => /^\*+$/.test(one))) continue;
    if (vrOf(tag) === 'SQ') {
      throw new DicomWebError('INVALID_QUERY', `${key} is a sequence: QIDO-RS cannot search by it.`);
    }
    filters.set(tag, values);
  }
  const own = filters.get(IDENTITY[level]);

  const known: Record<string, JsonAttribute> = {};
  const take = (tag: Tag): string | undefined => {
    const [uid, ...more] = filters.get(tag) ?? [];
    if (uid === undefined || more.length > 0 || !isValidUid(uid)) return undefined;
    filters.delete(tag);
    known[tagToHex(tag)] = { vr: 'UI', Value: [uid] };
    return uid;
  };
  const study = level === 'STUDY' ? undefined : take(Tags.StudyInstanceUID);
  const series = level === 'IMAGE' && study !== undefined ? take(Tags.SeriesInstanceUID) : undefined;
  const resource =
    (study === undefined ? '' : `/studies/${study}`) +
    (series === undefined ? '' : `/series/${series}`) +
    RESOURCE[level];

  const includes = [...wanted].map((tag): Parameter => ['includefield', nameOf(tag)]);
  return alternatives(filters).map((parameters) => ({
    path: `${resource}?${[...parameters, ...includes].map(encodeParameter).join('&')}`,
    known,
    ...(own?.every(isValidUid) ? { atMost: own.length } : {}),
  }));
}

const RESOURCE = { STUDY: '/studies', SERIES: '/series', IMAGE: '/instances' } as const;

/** The attribute that tells matches of a level apart. */
export const IDENTITY = {
  STUDY: Tags.StudyInstanceUID,
  SERIES: Tags.SeriesInstanceUID,
  IMAGE: Tags.SOPInstanceUID,
} as const satisfies Record<Exclude<QueryLevel, 'PATIENT'>, Tag>;

type Parameter = [name: string, value: string];

/** Every combination of the values that must be asked for one at a time. */
function alternatives(filters: ReadonlyMap<Tag, readonly string[]>): Parameter[][] {
  let combinations: Parameter[][] = [[]];
  for (const [tag, values] of filters) {
    const chunks = vrOf(tag) === 'UI' ? lists(values) : values;
    combinations = combinations.flatMap((one) =>
      chunks.map((value): Parameter[] => [...one, [nameOf(tag), value]]),
    );
    if (combinations.length > MAX_REQUESTS) {
      throw new DicomWebError(
        'INVALID_QUERY',
        'The query lists too many values: search for fewer at a time.',
      );
    }
  }
  return combinations;
}

function lists(uids: readonly string[]): string[] {
  const result: string[] = [];
  for (let i = 0; i < uids.length; i += UIDS_PER_REQUEST) {
    result.push(uids.slice(i, i + UIDS_PER_REQUEST).join());
  }
  return result;
}

const encodeParameter = ([name, value]: Parameter): string => `${name}=${encodeURIComponent(value)}`;

/** Keywords are what all servers know; private attributes have none. */
const nameOf = (tag: Tag): string => keywordOf(tag) || tagToHex(tag);

function tagOfKey(key: string): Tag {
  const tag = parseTag(key);
  if (tag === undefined) {
    throw new DicomWebError('INVALID_QUERY', `${key} is not an attribute of DICOM: check the query's keys.`);
  }
  return tag;
}
