import { isUidLike } from '../uid-like.ts';
import { HttpProblem } from './http-problem.ts';

/** UIDs of the resource a request is for, as far as its path names them. */
export interface Resource {
  studyInstanceUid?: string;
  seriesInstanceUid?: string;
  sopInstanceUid?: string;
}

/** What a request asks for (PS3.18 §10): what an authorisation is decided on. */
export type DicomWebOperation = Resource &
  (
    | { kind: 'search'; level: 'STUDY' | 'SERIES' | 'IMAGE' }
    | { kind: 'retrieve' | 'metadata' | 'rendered' }
    | { kind: 'frames'; frames: readonly number[] }
    /** `path`: tags and item numbers that lead to the value, `['00880200', '0', '7FE00010']`. */
    | { kind: 'bulkdata'; path: readonly string[] }
    | { kind: 'store' }
    | { kind: 'capabilities' }
  );

/** Most frames of one request. */
const MAX_FRAMES = 10_000;

const LEVELS = { studies: 'STUDY', series: 'SERIES', instances: 'IMAGE' } as const;

/**
 * Reads method and path of a request below the root of the service.
 *
 * Throws `HttpProblem`: 404 for what is no resource, 405 for a method it does not know, 400 for what is no UID.
 */
export function operationOf(method: string, path: string): DicomWebOperation {
  const segments = path.split('/').filter((segment) => segment !== '');
  if (method === 'OPTIONS') return { kind: 'capabilities' };
  const { resource, rest } = resourceOf(segments);
  const storable = segments[0] === 'studies' && segments.length <= 2;
  if (method === 'POST' && storable) return { kind: 'store', ...resource };
  if (method !== 'GET') throw allowed(storable ? 'GET, POST, OPTIONS' : 'GET, OPTIONS');
  const [name, ...more] = rest;
  if (name === undefined) {
    if (segments.length === 0)
      throw new HttpProblem(404, 'This is the root of a DICOMweb service: ask for /studies.');
    return { kind: 'retrieve', ...resource };
  }
  const depth = resource.sopInstanceUid
    ? 3
    : resource.seriesInstanceUid
      ? 2
      : resource.studyInstanceUid
        ? 1
        : 0;
  if (more.length === 0 && Object.hasOwn(LEVELS, name)) {
    const level = LEVELS[name as keyof typeof LEVELS];
    const levels = [['STUDY', 'SERIES', 'IMAGE'], ['SERIES', 'IMAGE'], ['IMAGE'], []][depth]!;
    if (levels.includes(level)) return { kind: 'search', level, ...resource };
  }
  if (depth > 0 && more.length === 0) {
    if (name === 'metadata') return { kind: 'metadata', ...resource };
    if (name === 'rendered' || name === 'thumbnail') return { kind: 'rendered', ...resource };
  }
  if (depth === 3) {
    if (name === 'frames' && more.length === 1)
      return { kind: 'frames', frames: frameNumbers(more[0]!), ...resource };
    if (name === 'frames' && more.length === 2 && /^(rendered|thumbnail)$/.test(more[1]!))
      return { kind: 'rendered', ...resource };
    if (name === 'bulkdata' && more.length > 0)
      return { kind: 'bulkdata', path: bulkDataPath(more), ...resource };
  }
  throw new HttpProblem(404, 'DICOMweb has no such resource: check the path.');
}

/** Takes pairs of `studies/UID`, `series/UID` and `instances/UID` off the front. */
function resourceOf(segments: readonly string[]): { resource: Resource; rest: readonly string[] } {
  const resource: Resource = {};
  const names = [
    ['studies', 'studyInstanceUid'],
    ['series', 'seriesInstanceUid'],
    ['instances', 'sopInstanceUid'],
  ] as const;
  let at = 0;
  for (const [name, key] of names) {
    if (segments[at] !== name || segments[at + 1] === undefined) break;
    const uid = segments[at + 1]!;
    if (!isUidLike(uid)) throw new HttpProblem(400, `What follows /${name}/ in the path is not a UID.`);
    resource[key] = uid;
    at += 2;
  }
  return { resource, rest: segments.slice(at) };
}

function allowed(methods: string): HttpProblem {
  return new HttpProblem(405, `This resource knows only ${methods}.`, { allow: methods });
}

function frameNumbers(text: string): number[] {
  const list = decodeURIComponent(text.replace(/%(?![0-9A-Fa-f]{2})/g, '%25'));
  if (!/^[1-9]\d{0,8}(,[1-9]\d{0,8})*$/.test(list)) {
    throw new HttpProblem(400, 'Frames are a list of numbers from 1 on, with commas between them.');
  }
  const numbers = list.split(',').map(Number);
  if (numbers.length > MAX_FRAMES || new Set(numbers).size < numbers.length) {
    throw new HttpProblem(400, `At most ${MAX_FRAMES} frames can be asked for at once, each of them once.`);
  }
  return numbers;
}

function bulkDataPath(segments: readonly string[]): string[] {
  const valid =
    segments.length % 2 === 1 &&
    segments.every((one, i) => (i % 2 === 0 ? /^[0-9A-Fa-f]{8}$/ : /^\d{1,9}$/).test(one));
  if (!valid) {
    throw new HttpProblem(
      400,
      'Bulk data is named by a tag, or by the tags and item numbers that lead to it.',
    );
  }
  return segments.map((one) => one.toUpperCase());
}
