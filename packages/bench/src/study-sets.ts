import { join } from 'node:path';
import { type SyntheticInstance, syntheticStudy } from '@adit/core/synthetic';
import { writeInstances } from '@adit/e2e/support';

/** A study to measure with, as files. */
export interface StudySet {
  name: string;
  studyInstanceUid: string;
  files: readonly string[];
  /** Folder that holds these files and no others. */
  folder: string;
  /** Of all data sets together. */
  bytes: number;
}

const full = [
  { name: '500 × 0.5 MB CT', kind: 'CT', instances: 500 },
  { name: '20 × 26 MB multi-frame', kind: 'enhanced-CT', instances: 20, frames: 50 },
] as const;

const quick = [
  { name: '50 × 0.5 MB CT', kind: 'CT', instances: 50 },
  { name: '3 × 26 MB multi-frame', kind: 'enhanced-CT', instances: 3, frames: 50 },
] as const;

/** Generates the studies: many small objects, and few large ones. */
export async function makeStudySets(folder: string, options: { quick: boolean }): Promise<StudySet[]> {
  const sets: StudySet[] = [];
  for (const { name, ...series } of options.quick ? quick : full) {
    const study = syntheticStudy({
      seed: `bench ${sets.length}`,
      series: [{ ...series, rows: 512, columns: 512 }],
    });
    const target = join(folder, `${sets.length + 1}`);
    sets.push({
      name,
      studyInstanceUid: studyInstanceUidOf(study[0]!),
      files: await writeInstances(target, study),
      folder: target,
      bytes: study.reduce((sum, instance) => sum + (instance.byteLength ?? 0), 0),
    });
  }
  return sets;
}

function studyInstanceUidOf({ attributes }: SyntheticInstance): string {
  return String(attributes['0020000D']?.Value?.[0]);
}
