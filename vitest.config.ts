import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

/** Vite's own conditions for a server, after the one that leads to the sources of the workspace's packages. */
const conditions = ['@adit/source', 'module', 'node', 'development|production'];

/** Three suites by file name, one after the other: `*.test.ts` (quick), `*.long.test.ts` and `*.soak.test.ts`. */
function suite(
  name: string,
  include: string[],
  options: { order: number; exclude?: string[]; maxWorkers?: number; testTimeout: number },
) {
  return {
    resolve: { conditions },
    ssr: { resolve: { conditions } },
    test: {
      name,
      include,
      exclude: ['**/node_modules/**', '**/dist/**', ...(options.exclude ?? [])],
      sequence: { groupOrder: options.order },
      ...(options.maxWorkers && { maxWorkers: options.maxWorkers }),
      testTimeout: options.testTimeout,
      hookTimeout: Math.max(60_000, options.testTimeout),
      // What a test starts or imports past Vite (workers, child processes) sees the sources as well.
      execArgv: ['--conditions=@adit/source'],
    },
  };
}

export default defineConfig({
  test: {
    projects: [
      suite('quick', ['packages/*/src/**/*.test.ts', 'scripts/**/*.test.ts'], {
        order: 0,
        exclude: ['**/*.long.test.ts', '**/*.soak.test.ts'],
        // Much of it waits, for servers and browsers: on two cores the default of one at a time leaves one idle.
        maxWorkers: Math.max(2, availableParallelism() - 1),
        testTimeout: 30_000,
      }),
      suite('long', ['packages/*/src/**/*.long.test.ts'], { order: 1, testTimeout: 300_000 }),
      suite('soak', ['packages/*/src/**/*.soak.test.ts'], { order: 2, testTimeout: 3_600_000 }),
    ],
  },
});
