import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createTempFolder, mustRun, type TempFolder } from './support/index.ts';

/*
 * The packages as somebody gets them who installs them into an empty project: packed, installed from the tarballs with
 * their dependencies from the registry, imported, type-checked and used.
 */

interface Packed {
  name: string;
  folder: string;
  tarball: string;
}

const root = join(import.meta.dirname, '../../..');

let work: TempFolder;
let project: string;
let packed: Packed[];

beforeAll(async () => {
  work = await createTempFolder('consumer');
  project = join(work.path, 'project');
  await mkdir(project);
  packed = JSON.parse(
    await mustRun(process.execPath, [join(root, 'scripts/pack.ts'), join(work.path, 'packed')]),
  ) as Packed[];
  const tarballs = Object.fromEntries(packed.map(({ name, tarball }) => [name, `file:${tarball}`]));
  await writeFile(
    join(project, 'package.json'),
    JSON.stringify({ name: 'consumer', private: true, type: 'module', dependencies: tarballs }),
  );
  // The packages are not in the registry: theirs of each other must be these, too.
  await writeFile(
    join(project, 'pnpm-workspace.yaml'),
    JSON.stringify({ overrides: tarballs, dangerouslyAllowAllBuilds: false, strictDepBuilds: false }),
  );
  await mustRun('pnpm', ['install', '--ignore-scripts', '--prefer-offline'], {
    cwd: project,
    timeout: 280_000,
  });
}, 300_000);

afterAll(async () => {
  await work?.[Symbol.asyncDispose]();
});

/** Every entrance of every package: `@adit/core`, `@adit/core/node`, … */
async function entrances(): Promise<string[]> {
  const all: string[] = [];
  for (const { name } of packed) {
    const manifest = JSON.parse(
      await readFile(join(project, 'node_modules', name, 'package.json'), 'utf8'),
    ) as { exports: Record<string, unknown> };
    const paths = Object.keys(manifest.exports).filter((path) => !path.endsWith('.json'));
    all.push(...paths.map((path) => name + path.slice(1)));
  }
  return all;
}

/** Runs a script of the project in plain Node, without any condition of ours. */
async function runScript(code: string): Promise<string> {
  await writeFile(join(project, 'script.js'), code);
  return mustRun(process.execPath, ['script.js'], { cwd: project, env: { NODE_OPTIONS: '' } });
}

test('every entrance but that of the elements can be imported in Node', async () => {
  const names = (await entrances()).filter((name) => !name.startsWith('@adit/web-components'));
  expect(names).toEqual(expect.arrayContaining(['@adit/core', '@adit/core/node', '@adit/server']));
  const output = await runScript(`
    for (const name of ${JSON.stringify(names)}) {
      const module = await import(name);
      console.log(name, Object.keys(module).length > 0);
    }
  `);
  expect(output.trim().split('\n')).toEqual(names.map((name) => `${name} true`));
});

test('the built web interface is there for a server to find', async () => {
  const output = await runScript(`
    import { existsSync } from 'node:fs';
    console.log(existsSync(new URL('dist/app/index.html', import.meta.resolve('@adit/web-components/package.json'))));
  `);
  expect(output).toBe('true\n');
});

test('the declarations of every entrance stand alone', async () => {
  const names = await entrances();
  await writeFile(
    join(project, 'types.ts'),
    names.map((name, index) => `export * as entrance${index} from '${name}';`).join('\n'),
  );
  const lib = ['ES2024', 'ESNext.Disposable', 'DOM', 'DOM.Iterable'];
  await writeFile(
    join(project, 'tsconfig.json'),
    JSON.stringify({
      compilerOptions: {
        ...{ target: 'ES2024', lib, module: 'NodeNext', strict: true, noEmit: true, skipLibCheck: true },
        ...{ types: ['node'], typeRoots: [join(root, 'node_modules/@types')] },
      },
      files: ['types.ts'],
    }),
  );
  await mustRun(join(root, 'node_modules/.bin/tsc'), ['-p', project], { cwd: project });
});

test('a study is generated, stored, found, fetched and pseudonymized by the installed packages', async () => {
  const output = await runScript(`
    import { textOf, transfer } from '@adit/core';
    import { createFolderSink } from '@adit/core/node';
    import { syntheticStudy } from '@adit/core/synthetic';
    import { createArchiveScp, createDimseClient, createDimseSink } from '@adit/dimse';
    import { createPseudonymizer, randomKey } from '@adit/pseudonymize';

    await using archive = await createArchiveScp({ folder: 'archive', aeTitle: 'ARCHIVE', host: '127.0.0.1', port: 0 });
    const node = { aeTitle: 'ARCHIVE', host: '127.0.0.1', port: archive.port };
    {
      await using sink = createDimseSink(node);
      for (const instance of syntheticStudy({ patient: { name: 'Doe^Jane' }, series: [{ kind: 'CT', instances: 3, rows: 64 }] })) {
        await sink.store(instance);
      }
    }
    await using client = createDimseClient(node);
    for await (const study of client.find({ level: 'STUDY', keys: { PatientName: 'DOE*' } })) {
      const { transform } = createPseudonymizer({ key: randomKey(), pseudonym: 'P1' });
      const result = await transfer({
        source: client,
        sink: createFolderSink('out'),
        selection: { studyInstanceUid: textOf(study, 'StudyInstanceUID') },
        transforms: [transform],
      });
      console.log(textOf(study, 'PatientName'), result.ok, result.counts.stored);
    }
  `);
  expect(output).toBe('Doe^Jane true 3\n');
});

test('the command is installed with its package', async () => {
  const version = await mustRun(join(project, 'node_modules/.bin/adit'), ['--help'], { cwd: project });
  expect(version).toContain('transfer');
});
