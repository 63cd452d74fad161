import type { Study } from '@adit/client';

/**
 * Adds studies that have just arrived to those shown. What is shown stays where it is, so that nothing moves under the pointer;
 * the new ones come below it, newest first. A study that is there already is not shown twice.
 */
export function addArrivals(shown: readonly Study[], arrived: readonly Study[]): Study[] {
  const known = new Set(shown.map(({ studyInstanceUid }) => studyInstanceUid));
  const added: Study[] = [];
  for (const study of arrived) {
    if (known.has(study.studyInstanceUid)) continue;
    known.add(study.studyInstanceUid);
    added.push(study);
  }
  return [...shown, ...added.sort(byNewest)];
}

/** Whether the studies stand newest first. */
export function isNewestFirst(studies: readonly Study[]): boolean {
  return studies.every((study, index) => index === 0 || byNewest(studies[index - 1] as Study, study) <= 0);
}

/** Newest first; studies without a date last. */
export function newestFirst(studies: readonly Study[]): Study[] {
  return [...studies].sort(byNewest);
}

function byNewest(a: Study, b: Study): number {
  const [first, second] = [timeOf(a), timeOf(b)];
  return first === second ? 0 : first > second ? -1 : 1;
}

function timeOf({ studyDate = '', studyTime = '' }: Study): string {
  return `${studyDate} ${studyTime}`;
}
