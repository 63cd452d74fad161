import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';

/** Runs vitest with the reporter on one test file and gives its exit status and the lines after its own summary. */
function account(testFile: string, ...args: string[]): { status: number | null; lines: string[] } {
  const folder = mkdtempSync(join(tmpdir(), 'accounting-'));
  try {
    writeFileSync(join(folder, 'some.test.ts'), testFile);
    const reporter = join(import.meta.dirname, 'accounting-reporter.ts');
    const command = ['run', '--globals', '--root', folder, `--reporter=${reporter}`, ...args];
    const { status, stdout } = spawnSync('vitest', command, { encoding: 'utf8' });
    return { status, lines: stdout.split('\n').filter((line) => line !== '') };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test('names what was skipped with the reason given', () => {
  const { status, lines } = account(`
    test('first', () => {});
    describe('group', () => { test('second', ({ skip }) => skip('no scanner in this room')); });
  `);
  expect(lines).toEqual([
    'skipped: some.test.ts > group > second: no scanner in this room',
    '1 passed, 0 failed, 1 skipped',
  ]);
  expect(status).toBe(0);
});

test('fails a run in which a test is skipped without a reason', () => {
  const { status, lines } = account("test('first', () => {}); test.skip('second', () => {});");
  expect(lines).toEqual(['skipped: some.test.ts > second: NO REASON GIVEN', '1 passed, 0 failed, 1 skipped']);
  expect(status).toBe(1);
});

test('does not count what a name on the command line leaves out', () => {
  const { status, lines } = account("test('first', () => {}); test('second', () => {});", '-t', 'first');
  expect(lines).toEqual(['1 passed, 0 failed, 0 skipped']);
  expect(status).toBe(0);
});

test.each([
  [
    'a failing test',
    "test('first', () => {}); test('second', () => expect(1).toBe(2));",
    '1 passed, 1 failed, 0 skipped',
  ],
  ['a file that does not load', "throw new Error('broken');", '0 passed, 1 failed, 0 skipped'],
])('counts %s', (_, file, summary) => {
  const { status, lines } = account(file);
  expect(lines.at(-1)).toBe(summary);
  expect(status).toBe(1);
});

test('counts a hook that throws as a failure', () => {
  const { status, lines } = account(`
    describe('group', () => { beforeAll(() => { throw new Error('no peer'); }); test('first', () => {}); });
  `);
  expect(lines.at(-1)).toMatch(/^0 passed, 1 failed, 1 skipped$/);
  expect(status).toBe(1);
});
