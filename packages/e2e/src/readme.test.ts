import { readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { textOf } from '@adit/core';
import { syntheticStudy } from '@adit/core/synthetic';
import { createArchiveScp } from '@adit/dimse';
import { expect, test } from 'vitest';
import { createTempFolder, openTcpWay, runProgram } from './support/index.ts';

test('the fifteen lines in the README of core do a verified transfer, and go on with one that broke off', async () => {
  const readme = await readFile(join(import.meta.dirname, '../../core/README.md'), 'utf8');
  const script = /## A verified, resumable transfer\n.*?```ts\n(.*?)```/s.exec(readme)?.[1] ?? '';
  const lines = script.split('\n').filter((line) => line !== '');
  expect(lines.length).toBeGreaterThan(5);
  expect(lines.length).toBeLessThanOrEqual(15);

  await using folder = await createTempFolder('readme');
  await using source = await createArchiveScp({ folder: join(folder.path, 'source'), aeTitle: 'SOURCE' });
  await using destination = await createArchiveScp({ folder: join(folder.path, 'there'), aeTitle: 'THERE' });
  const study = syntheticStudy({ series: [{ kind: 'CT', instances: 8, rows: 128 }] });
  for (const instance of study) await source.archive.store(instance);
  const bytes = study.reduce((sum, { byteLength }) => sum + byteLength!, 0);
  await using way = await openTcpWay(source.port, { of: 'answers', after: bytes / 2, failure: 'cut' });

  // The script finds the packages as a project that depends on them does, and keeps its ledger where it is run.
  const file = join(folder.path, 'transfer.mts');
  await writeFile(file, script);
  await symlink(join(import.meta.dirname, '../node_modules'), join(folder.path, 'node_modules'));
  const run = () =>
    runProgram(
      process.execPath,
      [
        '--conditions=@adit/source',
        file,
        `dicom://SOURCE@127.0.0.1:${way.port}`,
        `dicom://THERE@127.0.0.1:${destination.port}`,
        textOf(study[0]!.attributes, 'StudyInstanceUID')!,
      ],
      { cwd: folder.path, env: { NODE_OPTIONS: '' } },
    );
  const broken = await run();
  expect(broken.stdout, broken.stderr).toMatch(/^incomplete, run it again:/);
  expect(destination.archive.size).toBeLessThan(8);
  way.mend();
  const whole = await run();
  expect(whole.stdout, whole.stderr).toMatch(/^all of it is there/);
  expect(destination.archive.size).toBe(8);
  expect(study.every(({ sopInstanceUid }) => destination.archive.has(sopInstanceUid))).toBe(true);
});
