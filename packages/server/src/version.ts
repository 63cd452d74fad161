import { readFileSync } from 'node:fs';

/** Of this package. This file stays where package.json is one folder up, in the sources as in what is built. */
export function readVersion(): string {
  const manifest = readFileSync(new URL('../package.json', import.meta.url), 'utf8');
  return (JSON.parse(manifest) as { version: string }).version;
}
