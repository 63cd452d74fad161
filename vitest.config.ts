import { defineConfig } from 'vitest/config';

/** Vite's own conditions for a server, after the one that leads to the sources of the workspace's packages. */
const conditions = ['@adit/source', 'module', 'node', 'development|production'];

/** Three suites by file name: `*.test.ts` (quick), `*.long.test.ts` and `*.soak.test.ts`. */
function suite(name: string, include: string[], options: { exclude?: string[]; testTimeout: number }) {
  return {
    resolve: { conditions },
    ssr: { resolve: { conditions } },
    test: {
      name,
      include,
      exclude: ['**/node_modules/**', '**/dist/**', ...(options.exclude ?? [])],
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
        exclude: ['**/*.long.test.ts', '**/*.soak.test.ts'],
        testTimeout: 30_000,
      }),
      suite('long', ['packages/*/src/**/*.long.test.ts'], { testTimeout: 300_000 }),
      suite('soak', ['packages/*/src/**/*.soak.test.ts'], { testTimeout: 3_600_000 }),
    ],
  },
});
