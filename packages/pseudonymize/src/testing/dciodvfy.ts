import { spawnSync } from 'node:child_process';

/** Kinds of errors that dciodvfy (dicom3tools) finds in a file: what it says of which attribute, without the values. */
export function errorsOf(path: string): Set<string> {
  const { stderr } = spawnSync('dciodvfy', [path], { encoding: 'latin1', maxBuffer: 1 << 28 });
  const lines = stderr.split('\n').filter((line) => line.startsWith('Error'));
  return new Set(
    lines.map((line) => line.replace(/(?<!(?:Element|Module)=)<[^>]*>/g, '<>').replace(/UID [\d.]+/g, 'UID')),
  );
}

export function isInstalled(program: string): boolean {
  return spawnSync('which', [program]).status === 0;
}
