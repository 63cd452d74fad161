import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { ensureBuilt } from './build.ts';
import { ensureSystemTools } from './system-tools.ts';

/*
 * Runs the tests with everything they need: programs of the system, built packages, vitest. Arguments go to vitest;
 * without `--project` the quick suite runs.
 */
const args = process.argv.slice(2);
const project = args.some((arg) => arg.startsWith('--project')) ? [] : ['--project', 'quick'];
const reporters = ['--reporter=default', `--reporter=${join(import.meta.dirname, 'accounting-reporter.ts')}`];

try {
  ensureSystemTools();
  ensureBuilt();
  const { status } = spawnSync('vitest', ['run', ...project, ...reporters, ...args], {
    cwd: join(import.meta.dirname, '..'),
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  process.exitCode = status ?? 1;
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
