import { defineConfig } from 'vitest/config';

const source = { conditions: ['@adit/source'] };

/** Three suites by file name: `*.test.ts` (quick), `*.long.test.ts` and `*.soak.test.ts`. */
function suite(name: string, include: string[], exclude: string[] = []) {
  return {
    resolve: source,
    ssr: { resolve: source },
    test: { name, include, exclude: ['**/node_modules/**', '**/dist/**', ...exclude], testTimeout: 30_000, hookTimeout: 60_000 },
  };
}

export default defineConfig({
  test: {
    projects: [
      suite('quick', ['packages/*/src/**/*.test.ts', 'scripts/**/*.test.ts'], ['**/*.long.test.ts', '**/*.soak.test.ts']),
      suite('long', ['packages/*/src/**/*.long.test.ts']),
      suite('soak', ['packages/*/src/**/*.soak.test.ts']),
    ],
  },
});
