import {
  type DicomInstance,
  type RetrievalContext,
  type RetrieveFailure,
  type RetrieveOptions,
  retrieval,
  type Selection,
  textOf,
} from '@adit/core';
import { DicomWebError } from '../dicomweb-error.ts';
import { find } from '../qido/find.ts';
import { ask, type Service } from '../service.ts';
import type { HttpAnswer } from '../transport/transport.ts';
import { isUidLike } from '../uid-like.ts';
import { instancesOfAnswer } from './instances-of-answer.ts';
import { Offer } from './not-offered.ts';

/** As stored: without the transfer syntax, servers decompress (PS3.18 §8.7.3.5.2). */
const ACCEPT = 'multipart/related; type="application/dicom"; transfer-syntax=*';

/** Single instances asked for ahead of the one being read: a round trip for each would rule the time. */
const LOOK_AHEAD = 3;

/** One resource to retrieve (PS3.18 §10.4.1). */
interface Target {
  path: string;
  what: 'the study' | 'the series' | 'the instance';
  sopInstanceUid?: string;
}

/** Retrieves a selection by WADO-RS; see `InstanceSource`. */
export function retrieve(
  service: Service,
  selection: Selection,
  options: RetrieveOptions = {},
): AsyncIterable<DicomInstance> {
  const onFailure = options.onFailure ?? (() => {});
  return retrieval(options, (context) => retrieveAll(service, selection, { ...context, onFailure }));
}

interface RetrieveContext extends RetrievalContext {
  onFailure: (failure: RetrieveFailure) => void;
}

async function* retrieveAll(
  service: Service,
  selection: Selection,
  context: RetrieveContext,
): AsyncGenerator<DicomInstance, void, undefined> {
  context.signal.throwIfAborted();
  const offer = new Offer(service, selection, context.signal);
  const targets = await offer.whether(targetsOf(service, selection, context));
  const lookAhead = targets[0]?.what === 'the instance' ? LOOK_AHEAD : 0;
  /** Answers to `targets`, from the one to be read next on. */
  const asked: Promise<HttpAnswer>[] = [];
  try {
    for (const [index, target] of targets.entries()) {
      while (asked.length <= lookAhead && index + asked.length < targets.length) {
        const answer = askFor(service, targets[index + asked.length]!, context.signal);
        // Whether it failed is looked at when its turn comes.
        answer.catch(() => {});
        asked.push(answer);
      }
      try {
        const answer = await offer.whether(asked.shift()!);
        offer.isKnown = true;
        if (answer.status === 206) {
          const message = `${service.root.name} could send only a part of ${target.what} (HTTP 206).`;
          context.onFailure({ status: 206, message, retryable: false });
        }
        yield* instancesOfAnswer(service, answer, context);
      } catch (error) {
        if (targets.length === 1 || !concernsOnlyOne(error)) throw error;
        // Nothing at all was acceptable: that is not about what was asked for.
        const isLast = index + 1 === targets.length;
        if (isLast && !offer.isKnown && error.code === 'NOT_ACCEPTABLE') throw error;
        context.onFailure({
          ...(target.sopInstanceUid === undefined ? {} : { sopInstanceUid: target.sopInstanceUid }),
          ...(error.status === undefined ? {} : { status: error.status }),
          message: error.message,
          retryable: error.retryable,
        });
      }
    }
  } finally {
    for (const answer of asked) void answer.then((unread) => unread.discard()).catch(() => {});
  }
}

async function askFor(service: Service, { path, what }: Target, signal: AbortSignal): Promise<HttpAnswer> {
  const answer = await ask(service, { path, accept: ACCEPT, signal }, what);
  if (answer.status !== 204) return answer;
  await answer.discard();
  throw new DicomWebError('NOT_FOUND', `${service.root.name} has nothing of ${what} (HTTP 204).`, {
    status: 204,
  });
}

/** Of several things asked for, one may be missing without the others being so. */
function concernsOnlyOne(error: unknown): error is DicomWebError {
  return error instanceof DicomWebError && ['NOT_FOUND', 'NOT_ACCEPTABLE', 'REJECTED'].includes(error.code);
}

async function targetsOf(
  service: Service,
  selection: Selection,
  context: RetrieveContext,
): Promise<Target[]> {
  const { studyInstanceUid, seriesInstanceUids = [], sopInstanceUids } = selection;
  if (![studyInstanceUid, ...seriesInstanceUids, ...(sopInstanceUids ?? [])].every(isUidLike)) {
    throw new DicomWebError('INVALID_QUERY', 'The selection holds something that is not a UID: check it.');
  }
  const study = `/studies/${studyInstanceUid}`;
  const series = await chosenSeries(service, selection, context.signal);
  const seriesPath = (uid: string) => `${study}/series/${uid}`;
  if (sopInstanceUids !== undefined) {
    const instancePath = (seriesUid: string, uid: string) => `${seriesPath(seriesUid)}/instances/${uid}`;
    const placed =
      series?.length === 1
        ? sopInstanceUids.map((uid): [string, string] => [uid, series[0]!])
        : await placesOf(service, studyInstanceUid, series, sopInstanceUids, context);
    return placed.map(([sopInstanceUid, seriesUid]) => ({
      path: instancePath(seriesUid, sopInstanceUid),
      what: 'the instance',
      sopInstanceUid,
    }));
  }
  if (series === undefined) return [{ path: study, what: 'the study' }];
  return series.map((uid) => ({ path: seriesPath(uid), what: 'the series' }));
}

/** The series to take; undefined when it is the whole study. */
async function chosenSeries(
  service: Service,
  { studyInstanceUid, seriesInstanceUids, excludeModalities = [] }: Selection,
  signal: AbortSignal,
): Promise<readonly string[] | undefined> {
  if (excludeModalities.length === 0) return seriesInstanceUids;
  const wanted = seriesInstanceUids && new Set(seriesInstanceUids);
  const kept: string[] = [];
  const keys = { StudyInstanceUID: studyInstanceUid, Modality: '' };
  for await (const match of find(service, { level: 'SERIES', keys }, { signal })) {
    const uid = textOf(match, 'SeriesInstanceUID');
    if (uid === undefined || !isUidLike(uid) || (wanted && !wanted.has(uid))) continue;
    if (!excludeModalities.includes(textOf(match, 'Modality') ?? '')) kept.push(uid);
  }
  return kept;
}

/** Finds the series of each instance; what is nowhere is reported. */
async function placesOf(
  service: Service,
  studyInstanceUid: string,
  series: readonly string[] | undefined,
  sopInstanceUids: readonly string[],
  context: RetrieveContext,
): Promise<[sopInstanceUid: string, seriesInstanceUid: string][]> {
  const wanted = new Set(sopInstanceUids);
  const places: [string, string][] = [];
  for (const seriesKeys of series?.map((uid) => ({ SeriesInstanceUID: uid })) ?? [{}]) {
    const keys = { StudyInstanceUID: studyInstanceUid, SeriesInstanceUID: '', ...seriesKeys };
    for await (const match of find(service, { level: 'IMAGE', keys }, { signal: context.signal })) {
      const uid = textOf(match, 'SOPInstanceUID');
      const seriesUid = textOf(match, 'SeriesInstanceUID');
      if (uid === undefined || seriesUid === undefined || !isUidLike(seriesUid)) continue;
      if (wanted.delete(uid)) places.push([uid, seriesUid]);
    }
  }
  for (const sopInstanceUid of wanted) {
    const message = `${service.root.name} does not have the instance.`;
    context.onFailure({ sopInstanceUid, message, retryable: false });
  }
  return places;
}
