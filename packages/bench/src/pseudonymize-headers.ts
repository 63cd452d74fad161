import { writePart10 } from '@adit/core';
import { syntheticInstance } from '@adit/core/synthetic';
import { createPseudonymizer } from '@adit/pseudonymize';
import dicomParser from 'dicom-parser';

/** What one header costs, ours beside reading it with dicom-parser. */
export interface HeaderRun {
  /** Instances pseudonymized a second, on one core. */
  instancesPerSecond: number;
  /** Microseconds to pseudonymize one, and to read one with dicom-parser. */
  ours: number;
  dicomParser: number;
}

/** Generated objects with the attributes that scanners write, 50 of a series, and pictures too small to matter. */
export async function smallObjects(kind: 'CT' | 'MR'): Promise<Uint8Array[]> {
  const files: Uint8Array[] = [];
  for (let number = 1; number <= 50; number += 1) {
    const instance = syntheticInstance({
      kind,
      rows: 16,
      columns: 16,
      instances: 50,
      instanceNumber: number,
    });
    const parts: Uint8Array[] = [];
    for await (const chunk of writePart10(instance)) parts.push(chunk);
    files.push(new Uint8Array(Buffer.concat(parts)));
  }
  return files;
}

/** Both sides in turns, each for about `seconds`. */
export async function measureHeaders(files: readonly Uint8Array[], seconds: number): Promise<HeaderRun> {
  const pseudonymizer = createPseudonymizer({ key: new Uint8Array(32), pseudonym: 'P1' });
  const pseudonymize = async (bytes: Uint8Array) => {
    for await (const _ of pseudonymizer.pseudonymizePart10(once(bytes)));
  };
  const read = (bytes: Uint8Array) => {
    dicomParser.parseDicom(bytes);
  };
  let [ours, theirs, oursCount, theirsCount] = [0, 0, 0, 0];
  while (ours < seconds * 1000) {
    let started = performance.now();
    for (const bytes of files) await pseudonymize(bytes);
    ours += performance.now() - started;
    oursCount += files.length;
    started = performance.now();
    for (const bytes of files) read(bytes);
    theirs += performance.now() - started;
    theirsCount += files.length;
  }
  return {
    instancesPerSecond: (oursCount / ours) * 1000,
    ours: (ours / oursCount) * 1000,
    dicomParser: (theirs / theirsCount) * 1000,
  };
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array, void, undefined> {
  yield bytes;
}
