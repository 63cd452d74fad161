import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { findViolations, type PackageRule } from './boundaries.ts';

const rules: Record<string, PackageRule> = {
  '@adit/base': { imports: [], node: ['src/node/'] },
  '@adit/left': { imports: ['@adit/base'], node: true },
  '@adit/right': { imports: ['@adit/base'], node: true },
  '@adit/top': { imports: ['@adit/base', '@adit/left'], serves: ['@adit/right'], node: true },
};

let root: string | undefined;

afterEach(() => {
  if (root) {
    rmSync(root, { recursive: true });
  }
  root = undefined;
});

/** Writes a workspace that breaks no rule, with `files` on top, and says what is found in it. */
function violationsIn(files: Record<string, string | object>): string[] {
  const folder = mkdtempSync(join(tmpdir(), 'boundaries-'));
  root = folder;
  const all: Record<string, string | object> = {
    'package.json': { devDependencies: { vitest: '*' } },
    ...workspacePackage('base', []),
    ...workspacePackage('left', ['base']),
    ...workspacePackage('right', ['base']),
    ...workspacePackage('top', ['base', 'left']),
    'packages/left/src/index.ts': "import { a } from '@adit/base';\nexport const b = a;\n",
    ...files,
  };
  for (const [path, content] of Object.entries(all)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), typeof content === 'string' ? content : JSON.stringify(content));
  }
  return findViolations(folder, rules).map(({ where, message }) => `${where}: ${message}`);
}

function workspacePackage(name: string, dependencies: string[], more: object = {}) {
  return {
    [`packages/${name}/package.json`]: {
      name: `@adit/${name}`,
      exports: { '.': './src/index.ts', './node': './src/node/index.ts' },
      dependencies: Object.fromEntries(dependencies.map((other) => [`@adit/${other}`, 'workspace:^'])),
      ...more,
    },
    [`packages/${name}/tsconfig.json`]: {
      references: dependencies.map((other) => ({ path: `../${other}` })),
    },
    [`packages/${name}/src/index.ts`]: 'export const a = 1;\n',
  };
}

test('finds nothing where every import goes down', () => {
  expect(violationsIn({})).toEqual([]);
});

test.each([
  ['an import', "import { a } from '@adit/right';"],
  ['an import for its effect', "import '@adit/right';"],
  ['a type import', "import type { A } from '@adit/right';"],
  ['a re-export', "export * from '@adit/right';"],
  ['a dynamic import', "await import('@adit/right');"],
  ['a type in an expression', "export type A = import('@adit/right').A;"],
  ['a look-up', "import.meta.resolve('@adit/right');"],
])('refuses %s of a package on the same floor', (_, code) => {
  expect(violationsIn({ 'packages/left/src/index.ts': `\n${code}\n` })).toEqual([
    'packages/left/src/index.ts:2: @adit/left must not import @adit/right',
  ]);
});

test('refuses an import of a higher floor in a test as well', () => {
  expect(violationsIn({ 'packages/base/src/index.test.ts': "import '@adit/top';\n" })).toEqual([
    'packages/base/src/index.test.ts:1: @adit/base must not import @adit/top',
  ]);
});

test('refuses a dependency that the floors do not allow, used or not', () => {
  expect(violationsIn(workspacePackage('right', ['base', 'left']))).toEqual([
    'packages/right/package.json: @adit/right must not depend on @adit/left',
  ]);
});

test('lets a package look up, but not import, what it serves', () => {
  const manifest = workspacePackage('top', ['base', 'left', 'right']);
  expect(
    violationsIn({
      ...manifest,
      'packages/top/src/index.ts': "import.meta.resolve('@adit/right');\nimport '@adit/right';\n",
    }),
  ).toEqual(['packages/top/src/index.ts:2: @adit/top must not import @adit/right']);
});

test('refuses Node built-ins where code runs elsewhere too, but for its Node folder and its tests', () => {
  expect(
    violationsIn({
      'packages/base/src/a.ts': "import { readFile } from 'node:fs/promises';\n",
      'packages/base/src/b.ts': "import path from 'path';\n",
      'packages/base/src/node/c.ts': "import 'node:fs';\n",
      'packages/base/src/d.test.ts': "import 'node:fs';\n",
      'packages/base/src/testing/e.ts': "import 'node:fs';\n",
      'packages/base/src/f.testing.ts': "import 'node:fs';\n",
    }),
  ).toEqual([
    'packages/base/src/a.ts:1: node:fs/promises: this code runs outside Node too',
    'packages/base/src/b.ts:1: path: this code runs outside Node too',
  ]);
});

test('refuses deep imports that a package does not export', () => {
  expect(
    violationsIn({
      'packages/left/src/index.ts': "import '@adit/base/node';\nimport '@adit/base/src/secret.ts';\n",
    }),
  ).toEqual(['packages/left/src/index.ts:2: @adit/base/src/secret.ts: @adit/base does not export that']);
});

test('refuses relative imports out of the package, without extension, and of test files', () => {
  expect(
    violationsIn({
      'packages/left/src/index.ts': [
        "import '../../base/src/index.ts';",
        "import './other';",
        "import './other.ts';",
        "import './testing/peer.ts';",
      ].join('\n'),
      'packages/left/src/other.ts': '',
      'packages/left/src/testing/peer.ts': '',
    }),
  ).toEqual([
    "packages/left/src/index.ts:1: ../../base/src/index.ts: leads out of the package's sources",
    'packages/left/src/index.ts:2: ./other: no such file (imports carry the extension .ts)',
    'packages/left/src/index.ts:4: ./testing/peer.ts: published code must not use what is there for tests',
  ]);
});

test('lets a package import by the names its manifest gives', () => {
  expect(
    violationsIn({
      ...workspacePackage('left', ['base'], { imports: { '#transport': './src/index.ts' } }),
      'packages/left/src/index.ts': "import '#transport';\nimport '#absent';\n",
    }),
  ).toEqual(['packages/left/src/index.ts:2: #absent: not among the imports in package.json']);
});

test('refuses packages that are not among the dependencies', () => {
  expect(
    violationsIn({
      ...workspacePackage('left', ['base'], { devDependencies: { express: '*' } }),
      'packages/left/src/index.ts': "import 'express';\nimport type { A } from 'express';\n",
      'packages/left/src/index.test.ts': "import 'vitest';\nimport 'express';\nimport 'absent/deep.js';\n",
    }),
  ).toEqual([
    'packages/left/src/index.test.ts:3: absent is missing from the dependencies of @adit/left',
    'packages/left/src/index.ts:1: express is missing from the dependencies of @adit/left',
  ]);
});

test('wants tsconfig references and dependencies to agree', () => {
  expect(violationsIn({ 'packages/top/tsconfig.json': { references: [{ path: '../base' }] } })).toEqual([
    'packages/top/tsconfig.json: references and the dependencies in package.json disagree about @adit/left',
  ]);
});

test('wants packages of the workspace by the workspace protocol', () => {
  const manifest = workspacePackage('left', ['base'], { dependencies: { '@adit/base': '^1.0.0' } });
  expect(violationsIn(manifest)).toEqual([
    'packages/left/package.json: @adit/base is of this workspace: ask for it as workspace:^',
  ]);
});

test('wants a floor for every package', () => {
  expect(violationsIn(workspacePackage('new', []))).toEqual([
    'packages/new: @adit/new has no floor: give it one in scripts/boundaries.ts',
  ]);
});
