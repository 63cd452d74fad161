import type { ExpectedInstances } from './expected.ts';
import type { Selection } from './types.ts';

/**
 * What to ask a source for: the selection without what needs nothing more, by series or by instance as is shorter. Undefined
 * when nothing lacks.
 */
export function lackingSelection(
  { selection, instances }: ExpectedInstances,
  isDone: (sopInstanceUid: string) => boolean,
): Selection | undefined {
  if (!selection || !instances) return selection;
  const series = [...instances].map(([uid, sops]) => ({
    uid,
    sops,
    lacking: sops.filter((sop) => !isDone(sop)),
  }));
  const incomplete = series.filter(({ lacking }) => lacking.length > 0);
  if (incomplete.length === 0) return undefined;
  const seriesInstanceUids = incomplete.map(({ uid }) => uid);
  if (incomplete.some(({ sops, lacking }) => lacking.length < sops.length)) {
    const sopInstanceUids = incomplete.flatMap(({ lacking }) => lacking);
    return { ...selection, seriesInstanceUids, sopInstanceUids };
  }
  return incomplete.length === series.length ? selection : { ...selection, seriesInstanceUids };
}
