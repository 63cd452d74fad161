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

/** What no build depends on. */
const isTest = (file: string) => /\.test\.ts$|\/testing\//.test(file);

interface BuildOptions {
  /** Bundle the type declarations too, which takes most of the time. Default: true. */
  readonly declarations?: boolean;
}

/**
 * Builds all packages, unless nothing has changed since the last build.
 *
 * @throws Error when the build fails; its output has been printed by then.
 */
export function ensureBuilt({ declarations = true }: BuildOptions = {}): void {
  const outputs = globSync('packages/*/tsup.config.ts', { cwd: root }).map((file) =>
    join(root, dirname(file), 'dist'),
  );
  const built = existsSync(stamp) ? readFileSync(stamp, 'utf8') : '';
  const digest = digestOf(inputs);
  // A build with declarations serves whoever needs none.
  const enough = [stampOf(digest, true), ...(declarations ? [] : [stampOf(digest, false)])];
  if (!enough.includes(built) || !outputs.every((output) => existsSync(output))) {
    console.log('Building the packages');
    build({ declarations });
  }
}

/** Builds all packages, each after those it depends on. */
function build({ declarations = true }: BuildOptions = {}): void {
  const digest = digestOf(inputs);
  rmSync(stamp, { force: true });
  const command = ['-r', '--workspace-concurrency=2', '--if-present', 'run', 'build'];
  const { status, stdout, stderr } = spawnSync('pnpm', [...command, ...(declarations ? [] : ['--no-dts'])], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
    encoding: 'utf8',
    maxBuffer: Number.POSITIVE_INFINITY,
  });
  if (status !== 0) {
    process.stderr.write(`${stdout}${stderr}`);
    throw new Error('The packages could not be built: see above.');
  }
  mkdirSync(dirname(stamp), { recursive: true });
  writeFileSync(stamp, stampOf(digest, declarations));
}

function stampOf(digest: string, declarations: boolean): string {
  return `${digest} ${declarations ? 'with' : 'without'} declarations`;
}

function digestOf(patterns: readonly string[]): string {
  const hash = createHash('sha256');
  const files = patterns.flatMap((pattern) =>
    globSync(pattern, { cwd: root, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name))
      .filter((file) => !isTest(file)),
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
