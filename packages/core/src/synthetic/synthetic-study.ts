import { syntheticInstance } from './synthetic-instance.ts';
import type { SyntheticInstance, SyntheticStudyOptions } from './types.ts';

/**
 * Makes the instances of a study: series in the given order, numbered from 1, slices from the top of the body down. An
 * SR names the first image of each series before it as its evidence.
 *
 * @example
 * const study = syntheticStudy({ seed: 'demo', series: [{ kind: 'CT', instances: 500 }, { kind: 'SR' }] });
 */
export function syntheticStudy(options: SyntheticStudyOptions = {}): SyntheticInstance[] {
  const { series = [{ kind: 'CT', instances: 3 }], ...study } = options;
  const evidence: SyntheticInstance[] = [];
  return series.flatMap((seriesOptions, index) => {
    const instances = Array.from({ length: seriesOptions.instances ?? 1 }, (_, i) =>
      syntheticInstance({
        ...study,
        ...seriesOptions,
        seriesNumber: index + 1,
        instanceNumber: i + 1,
        evidence: [...evidence],
      }),
    );
    if (seriesOptions.kind !== 'SR') evidence.push(...instances.slice(0, 1));
    return instances;
  });
}
