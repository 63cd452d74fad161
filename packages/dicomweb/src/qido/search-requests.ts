import {
  type Attributes,
  type JsonAttribute,
  keywordOf,
  parseTag,
  type QueryLevel,
  returnKeysOf,
  type Tag,
  Tags,
  tagToHex,
  type Vr,
  vrOf,
} from '@adit/core';
import { DicomWebError } from '../dicomweb-error.ts';
import { isUidLike } from '../uid-like.ts';
import type { DicomWebQuery } from './query.ts';

/** One search transaction (PS3.18 §10.6), without its paging. */
export interface SearchRequest {
  /** Path and query string below the service's root. */
  path: string;
  /** UIDs the path holds: answers leave them out. */
  known: Attributes;
  /** A bound on the number of matches, where the keys set one. */
  atMost?: number;
  /** What to ask should nothing be found: a search that finds the same and more, for the caller to filter. */
  looser?: { path: string; loosened: ReadonlySet<string> };
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
export function searchRequests(query: DicomWebQuery): SearchRequest[] {
  const level = query.level === 'PATIENT' ? 'STUDY' : query.level;
  const wanted = new Set<Tag>(returnKeysOf(query).map((key) => tagOfKey(key)));
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
    if (uid === undefined || more.length > 0 || !isUidLike(uid)) return undefined;
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

  const { includeFields = [], fuzzyMatching = false } = query;
  for (const field of includeFields === 'all' ? [] : includeFields) wanted.add(tagOfKey(field));
  const includes = includeFields === 'all' ? ['all'] : [...wanted].map(nameOf);
  const options = [
    ...includes.map((name) => `includefield=${name}`),
    ...(fuzzyMatching ? ['fuzzymatching=true'] : []),
  ];
  const pathOf = (keys: readonly Key[]) =>
    `${resource}?${[...keys.map(([tag, value]) => `${nameOf(tag)}=${encodeValue(value)}`), ...options].join('&')}`;
  return alternatives(filters).map((keys) => {
    const looser = keys.map(loosen);
    const loosened = keys.filter((key, i) => key !== looser[i]).map(([tag]) => tagToHex(tag));
    return {
      path: pathOf(keys),
      known,
      ...(own?.every(isUidLike) ? { atMost: own.length } : {}),
      ...(loosened.length > 0 ? { looser: { path: pathOf(looser), loosened: new Set(loosened) } } : {}),
    };
  });
}

const RESOURCE = { STUDY: '/studies', SERIES: '/series', IMAGE: '/instances' } as const;

/** The attribute that tells matches of a level apart. */
export const IDENTITY = {
  STUDY: Tags.StudyInstanceUID,
  SERIES: Tags.SeriesInstanceUID,
  IMAGE: Tags.SOPInstanceUID,
} as const satisfies Record<Exclude<QueryLevel, 'PATIENT'>, Tag>;

/** One value, or one list of UIDs, to match by. */
type Key = readonly [tag: Tag, value: string];

/** Every combination of the values that must be asked for one at a time. */
function alternatives(filters: ReadonlyMap<Tag, readonly string[]>): Key[][] {
  let combinations: Key[][] = [[]];
  for (const [tag, values] of filters) {
    const chunks = vrOf(tag) === 'UI' ? lists(values) : values;
    combinations = combinations.flatMap((keys) => chunks.map((value): Key[] => [...keys, [tag, value]]));
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

/** Commas between UIDs and the wildcard `?` may stand in a query string as they are (RFC 3986 §3.4). */
const encodeValue = (value: string): string =>
  encodeURIComponent(value.toWellFormed()).replaceAll('%2C', ',').replaceAll('%3F', '?');

/** VRs that wildcards may stand in (PS3.4 §C.2.2.2.4). */
const WILDCARD_VRS: ReadonlySet<Vr> = new Set(['AE', 'CS', 'LO', 'LT', 'PN', 'SH', 'ST', 'UC', 'UR', 'UT']);

/**
 * Puts wildcards in the place of characters that have to be encoded. Some servers compare the encoded text (Orthanc 1.10 of
 * Debian 12 decodes no query string), others have stored another form of an umlaut: they would find nothing. Too little is
 * left of a text that has not two plain letters or digits.
 */
function loosen(key: Key): Key {
  const [tag, value] = key;
  if (!WILDCARD_VRS.has(vrOf(tag))) return key;
  const looser = encodeValue(value).replaceAll(/(?:%[0-9A-F]{2}|\*)+/g, '*');
  return looser === value || looser.replaceAll(/[^A-Za-z0-9]/g, '').length < 2 ? key : [tag, looser];
}

/** Keywords are what all servers know; private attributes have none. */
const nameOf = (tag: Tag): string => keywordOf(tag) || tagToHex(tag);

function tagOfKey(key: string): Tag {
  const tag = parseTag(key);
  if (tag === undefined) {
    throw new DicomWebError('INVALID_QUERY', `${key} is not an attribute of DICOM: check the query's keys.`);
  }
  return tag;
}
