import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { textOf } from '@adit/core';
import { syntheticStudy } from '@adit/core/synthetic';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createArchiveScp } from './archive/create-archive-scp.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'adit-readme-'));
});
afterAll(() => rm(folder, { recursive: true }));

/** The examples of a README, in order. */
async function examplesOf(readme: string): Promise<string[]> {
  const text = await readFile(new URL(readme, import.meta.url), 'utf8');
  return [...text.matchAll(/```ts\n(.*?)```/gs)].map(([, example = '']) => example);
}

async function run(example: string): Promise<string> {
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['--conditions=@adit/source', '--input-type=module-typescript', '--eval', example],
    { cwd: new URL('..', import.meta.url), env: { ...process.env, TMPDIR: folder } },
  );
  return stdout;
}

test.each(['../README.md', '../../../README.md'])(
  '%s: ten lines query a PACS and stream its studies to disk',
  async (readme) => {
    const [example = ''] = await examplesOf(readme);
    expect(example.split('\n').filter((line) => line !== '').length).toBeLessThanOrEqual(10);
    const place = await mkdtemp(join(folder, 'script-'));
    await using pacs = await createArchiveScp({ folder: join(place, 'pacs'), aeTitle: 'PACS' });
    const study = syntheticStudy({ patient: { id: '4711' }, series: [{ kind: 'CT', instances: 3 }] });
    for (const instance of study) await pacs.archive.store(instance);

    const script = example
      .replace("'dicom://PACS@pacs.example:104'", JSON.stringify(`dicom://PACS@127.0.0.1:${pacs.port}`))
      .replace("'studies'", JSON.stringify(join(place, 'studies')));
    expect(script.match(/127\.0\.0\.1|\/studies/g)).toHaveLength(2);
    expect((await run(script)).match(/ stored$/gm)).toHaveLength(3);
    const files = await readdir(join(place, 'studies'), { recursive: true });
    expect(files.filter((file) => file.endsWith('.dcm'))).toHaveLength(3);
    expect(textOf(study[0]!.attributes, 'PatientID')).toBe('4711');
  },
);

test('a PACS of its own to try things on', async () => {
  const [, example = ''] = await examplesOf('../README.md');
  const stdout = await run(example);
  expect(stdout).toMatch(/^answers in [\d.]+ s$/m);
  expect(stdout.match(/state: 'stored'/g)).toHaveLength(3);
  expect(stdout.match(/ \d{6} bytes/g)).toHaveLength(3);
});
