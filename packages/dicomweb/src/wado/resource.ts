import { DicomWebError } from '../dicomweb-error.ts';
import { isUidLike } from '../uid-like.ts';

/** A study, one of its series, or an instance of that. */
export interface ResourceUids {
  studyInstanceUid: string;
  seriesInstanceUid?: string;
  /** Needs `seriesInstanceUid`. */
  sopInstanceUid?: string;
}

/** An instance by all its UIDs. */
export type InstanceUids = Required<ResourceUids>;

/** The path of a resource (PS3.18 §10.4.1), and what errors call it. Throws `INVALID_QUERY`. */
export function pathOf({ studyInstanceUid, seriesInstanceUid, sopInstanceUid }: ResourceUids): {
  path: string;
  what: 'the study' | 'the series' | 'the instance';
} {
  const uids = [studyInstanceUid, seriesInstanceUid, sopInstanceUid].filter((uid) => uid !== undefined);
  if (!uids.every(isUidLike) || (sopInstanceUid !== undefined && seriesInstanceUid === undefined)) {
    throw new DicomWebError('INVALID_QUERY', 'The resource is not given by its UIDs: check them.');
  }
  const path = uids.map((uid, i) => `/${['studies', 'series', 'instances'][i]}/${uid}`).join('');
  return { path, what: (['the study', 'the series', 'the instance'] as const)[uids.length - 1]! };
}
