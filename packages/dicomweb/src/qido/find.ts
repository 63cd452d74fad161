import {
  type AbortableOptions,
  type Attributes,
  attributesFrom,
  type JsonAttribute,
  matchesIdentifier,
  type Query,
  textOf,
} from '@adit/core';
import { attributesFromJson } from '../json/attributes-from-json.ts';
import { jsonArrayItems } from '../json/json-array-items.ts';
import { parseMediaType } from '../multipart/media-type.ts';
import { ask, isJson, type Service, unexpectedAnswer } from '../service.ts';
import type { DicomWebQuery } from './query.ts';
import { IDENTITY, type SearchRequest, searchRequests } from './search-requests.ts';

/** A query with a limit asks for at least this many: some may turn out not to match, or belong to a patient given. */
const MIN_PAGE = 100;

/** Searches by QIDO-RS; see `Queryable`. */
export async function* find(
  service: Service,
  query: DicomWebQuery,
  { signal }: AbortableOptions = {},
): AsyncGenerator<Attributes, void, undefined> {
  signal?.throwIfAborted();
  let left = query.limit ?? Number.POSITIVE_INFINITY;
  if (left <= 0) return;
  const given = new Set<string>();
  const requests = searchRequests(query);
  const offset = query.offset ?? 0;
  // What is put together here is skipped here.
  const byService = requests.length === 1 && query.level !== 'PATIENT';
  let toSkip = byService ? 0 : offset;
  for (const request of requests) {
    const from = byService ? offset : 0;
    for await (const found of searchTwice(service, query, request, from, signal)) {
      const match = query.level === 'PATIENT' ? patientOf(found) : found;
      const identity = identityOf(match, query.level);
      if (identity !== undefined) {
        if (given.has(identity)) continue;
        given.add(identity);
      }
      if (toSkip > 0) {
        toSkip -= 1;
        continue;
      }
      yield match;
      left -= 1;
      if (left <= 0) return;
    }
  }
}

/** Searches, and should nothing be found, more loosely. */
async function* searchTwice(
  service: Service,
  query: DicomWebQuery,
  request: SearchRequest,
  from: number,
  signal: AbortSignal | undefined,
): AsyncGenerator<Attributes, void, undefined> {
  const all = attributesFrom(query.keys);
  const isFuzzy = ([, { vr }]: [string, JsonAttribute]) => query.fuzzyMatching === true && vr === 'PN';
  const keys = Object.fromEntries(Object.entries(all).filter((entry) => !isFuzzy(entry)));
  let found = false;
  for await (const match of search(service, query, request, from, signal)) {
    found = true;
    if (matchesLocally(match, keys)) yield match;
  }
  if (found || request.looser === undefined) return;
  const { path, loosened } = request.looser;
  for await (const match of search(service, query, { ...request, path }, from, signal)) {
    if (matchesLocally(match, keys, loosened)) yield match;
  }
}

/**
 * All that one search finds, page by page. A page is the last when it brings nothing new: servers cut long answers
 * without always saying so (PS3.18 §8.3.4.4 has them send a warning), and some ignore the offset.
 */
async function* search(
  service: Service,
  query: DicomWebQuery,
  request: SearchRequest,
  from: number,
  signal: AbortSignal | undefined,
): AsyncGenerator<Attributes, void, undefined> {
  const limit = query.limit === undefined ? '' : `&limit=${Math.max(query.limit, MIN_PAGE)}`;
  const level = query.level === 'PATIENT' ? 'STUDY' : query.level;
  const seen = new Set<string>();
  for (let offset = from; ; ) {
    const path = request.path + limit + (offset === 0 ? '' : `&offset=${offset}`);
    let fresh = 0;
    for await (const match of page(service, path, request, signal)) {
      offset += 1;
      const identity = identityOf(match, level);
      if (identity !== undefined) {
        if (seen.has(identity)) continue;
        seen.add(identity);
        fresh += 1;
      }
      yield match;
    }
    if (fresh === 0 || (request.atMost !== undefined && offset >= request.atMost)) return;
  }
}

async function* page(
  service: Service,
  path: string,
  request: SearchRequest,
  signal: AbortSignal | undefined,
): AsyncGenerator<Attributes, void, undefined> {
  const { root } = service;
  const nested = Object.keys(request.known).length > 0;
  const answer = await ask(
    service,
    { path, accept: 'application/dicom+json', acceptEncoding: 'gzip', signal },
    nested ? 'the study or series' : 'a search (QIDO-RS) at this address',
  );
  const { type } = parseMediaType(answer.header('content-type'));
  if (answer.status === 204) {
    await answer.discard();
    return;
  }
  if (!isJson(type)) {
    await answer.discard();
    throw unexpectedAnswer(root, type, 'DICOM JSON');
  }
  for await (const item of jsonArrayItems(answer.body, { peer: root.name })) {
    yield { ...request.known, ...attributesFromJson(item) };
  }
}

/**
 * Servers do not match by every key, and treat wildcards and case in their own way. What an answer does not hold cannot
 * be judged here, unless the server was asked more loosely than the query wants.
 */
function matchesLocally(match: Attributes, keys: Attributes, loosened?: ReadonlySet<string>): boolean {
  const judged = Object.entries(keys).filter(([key]) => match[key] !== undefined || loosened?.has(key));
  return matchesIdentifier(match, Object.fromEntries(judged));
}

/** What tells a match apart from the others of its level; undefined when the server left it out. */
function identityOf(match: Attributes, level: Query['level']): string | undefined {
  if (level !== 'PATIENT') return textOf(match, IDENTITY[level]);
  const id = textOf(match, 'PatientID');
  if (id !== undefined) return JSON.stringify([id, textOf(match, 'IssuerOfPatientID')]);
  return JSON.stringify(['', '', textOf(match, 'PatientName'), textOf(match, 'PatientBirthDate')]);
}

/** The patient of a study: the attributes of group 0010. */
function patientOf(study: Attributes): Attributes {
  return Object.fromEntries(Object.entries(study).filter(([tag]) => tag.startsWith('0010')));
}
