import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

test('the example of the README works', async () => {
  const readme = await readFile(new URL('../README.md', import.meta.url), 'utf8');
  const [, example = ''] = /```ts\n(.*?)```/s.exec(readme) ?? [];
  const folder = await mkdtemp(join(tmpdir(), 'adit-readme-'));
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['--conditions=@adit/source', '--input-type=module-typescript', '--eval', example],
    { cwd: new URL('..', import.meta.url), env: { ...process.env, TMPDIR: folder } },
  );
  await rm(folder, { recursive: true });
  expect(stdout.match(/state: 'stored'/g)).toHaveLength(3);
  expect(stdout.match(/ \d{6} bytes/g)).toHaveLength(3);
});
