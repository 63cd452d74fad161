import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

const root = join(import.meta.dirname, '..');
const stamp = join(root, 'node_modules/.cache/adit/built');

/** Everything a build depends on, relative to the root. */
const inputs = [
  'pnpm-lock.yaml',
  'tsconfig.base.json',
  'scripts/library-build.ts',
  'packages/*/package.json',
  'packages/*/tsconfig.json',
  'packages/*/tsup.config.ts',
  'packages/*/src/**/*',
];

/**
 * Builds all packages, unless nothing has changed since the last build.
 *
 * @throws Error when the build fails; its output has been printed by then.
 */
export function ensureBuilt(): void {
  const outputs = globSync('packages/*/tsup.config.ts', { cwd: root }).map((file) =>
    join(root, dirname(file), 'dist'),
  );
  const upToDate =
    outputs.every((output) => existsSync(output)) &&
    existsSync(stamp) &&
    readFileSync(stamp, 'utf8') === digestOf(inputs);
  if (!upToDate) {
    console.log('Building the packages');
    build();
  }
}

/** Builds all packages, each after those it depends on. */
function build(): void {
  const digest = digestOf(inputs);
  rmSync(stamp, { force: true });
  const command = ['-r', '--workspace-concurrency=2', '--if-present', 'run', 'build'];
  const { status } = spawnSync('pnpm', command, { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] });
  if (status !== 0) {
    throw new Error('The packages could not be built: see above.');
  }
  mkdirSync(dirname(stamp), { recursive: true });
  writeFileSync(stamp, digest);
}

function digestOf(patterns: readonly string[]): string {
  const hash = createHash('sha256');
  const files = patterns.flatMap((pattern) =>
    globSync(pattern, { cwd: root, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name)),
  );
  for (const file of files.sort()) {
    hash.update(`${file}\0`).update(readFileSync(file)).update('\0');
  }
  return hash.digest('hex');
}

if (import.meta.main) {
  try {
    build();
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  }
}
