import { numberOf, textOf } from '../data/attribute-access.ts';
import { DicomError } from '../errors.ts';
import type { AbortableOptions, Queryable } from '../query/types.ts';
import { sleep } from './sleep.ts';
import type { StoredInstance, VerificationResult, Verifier } from './types.ts';

/** Waits before each look, in milliseconds: some servers index what they accepted a little later. */
const LOOKS = [0, 300, 1_000, 3_000, 6_000];

/**
 * Verifies by searching the destination: for the set of instances where it answers at IMAGE level, else for their number. A
 * destination that cannot be searched gives `none`.
 */
export function verifyByQuery(destination: Queryable, options: { by?: 'image' | 'count' } = {}): Verifier {
  return async (study, { signal } = {}) => {
    const abortable: AbortableOptions = signal ? { signal } : {};
    let result: VerificationResult = { verification: 'none', verified: 0 };
    for (const wait of LOOKS) {
      await sleep(wait, signal);
      result =
        (options.by !== 'count' &&
          (await byImage(destination, study.studyInstanceUid, study.instances, abortable))) ||
        (await byCount(destination, study.studyInstanceUid, study.instances, abortable));
      if (result.verified >= study.instances.length) return result;
    }
    return result;
  };
}

async function byImage(
  destination: Queryable,
  studyInstanceUid: string,
  instances: readonly StoredInstance[],
  options: AbortableOptions,
): Promise<VerificationResult | undefined> {
  const missing = new Set(instances.map((instance) => instance.sopInstanceUid));
  let answered = false;
  try {
    const series: string[] = [];
    for await (const match of destination.find(
      { level: 'SERIES', keys: { StudyInstanceUID: studyInstanceUid }, returnKeys: 'unique' },
      options,
    )) {
      const uid = textOf(match, 'SeriesInstanceUID');
      if (uid) series.push(uid);
    }
    for (const seriesInstanceUid of series) {
      const keys = { StudyInstanceUID: studyInstanceUid, SeriesInstanceUID: seriesInstanceUid };
      for await (const match of destination.find({ level: 'IMAGE', keys, returnKeys: 'unique' }, options)) {
        answered = true;
        missing.delete(textOf(match, 'SOPInstanceUID') ?? '');
      }
    }
  } catch (error) {
    rethrowUnlessRefused(error, options);
  }
  if (!answered) return undefined;
  return { verification: 'image', verified: instances.length - missing.size, missing: [...missing] };
}

async function byCount(
  destination: Queryable,
  studyInstanceUid: string,
  instances: readonly StoredInstance[],
  options: AbortableOptions,
): Promise<VerificationResult> {
  const keys = { StudyInstanceUID: studyInstanceUid, NumberOfStudyRelatedInstances: '' };
  let count: number | undefined;
  try {
    for await (const match of destination.find({ level: 'STUDY', keys, returnKeys: 'unique' }, options)) {
      count = numberOf(match, 'NumberOfStudyRelatedInstances') ?? count;
    }
  } catch (error) {
    rethrowUnlessRefused(error, options);
  }
  if (count === undefined) return { verification: 'none', verified: 0 };
  return { verification: 'count', verified: Math.min(count, instances.length) };
}

/** A destination that refuses a search says no more than that it cannot be asked this way. */
function rethrowUnlessRefused(error: unknown, options: AbortableOptions): void {
  options.signal?.throwIfAborted();
  if (!(error instanceof DicomError) || error.retryable) throw error;
}
