import { execFileSync } from 'node:child_process';
import { globSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

const root = join(import.meta.dirname, '..');

/** A package of the workspace as its users will get it. */
export interface PackedPackage {
  name: string;
  /** Its folder in the workspace. */
  folder: string;
  tarball: string;
}

/** Packs every package that is published, in its built state, into tarballs below `folder`. */
export function packPackages(folder: string): PackedPackage[] {
  return globSync('packages/*/package.json', { cwd: root })
    .sort()
    .map((file) => ({ file, manifest: JSON.parse(readFileSync(join(root, file), 'utf8')) }))
    .filter(({ manifest }) => !manifest.private)
    .map(({ file, manifest }) => {
      const source = join(root, dirname(file));
      const destination = join(folder, dirname(file));
      mkdirSync(destination, { recursive: true });
      execFileSync('pnpm', ['pack', '--pack-destination', destination], {
        cwd: source,
        stdio: ['ignore', 'ignore', 'inherit'],
      });
      const [tarball] = readdirSync(destination);
      return { name: manifest.name, folder: source, tarball: join(destination, tarball!) };
    });
}

// node scripts/pack.ts FOLDER: prints what was packed as JSON.
if (import.meta.main) {
  console.log(JSON.stringify(packPackages(process.argv[2]!)));
}
