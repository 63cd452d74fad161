import { execFile, execFileSync } from 'node:child_process';
import { globSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { promisify } from 'node:util';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';
import { ensureBuilt } from './build.ts';
import { type PackedPackage, packPackages } from './pack.ts';

/*
 * Looks at the packages as their users will get them: what is in the tarballs, and whether Node, bundlers and
 * TypeScript can resolve it.
 */
const run = promisify(execFile);

/** What a user needs; everything else stays at home. */
const wanted = /^(package\.json|README\.md|LICENSE|CHANGELOG\.md|[a-z]+\.schema\.json|bin\/.*\.js|dist\/.*)$/;
const unwanted = /\.test\.|\/testing\/|\.tsbuildinfo$|(?<!\.d)\.ts$/;

const work = mkdtempSync(join(tmpdir(), 'check-packages-'));
try {
  ensureBuilt();
  const problems: string[] = [];
  for (const one of packPackages(work)) {
    const unpacked = unpack(one);
    const found = (
      await Promise.all([
        checkContents(unpacked),
        checkManifest(one, unpacked),
        lint(unpacked),
        checkTypes(one),
      ])
    ).flat();
    problems.push(...found.map((problem) => `${one.name}: ${problem}`));
    console.log(`${one.name}: ${found.length === 0 ? 'fit to be published' : `${found.length} problems`}`);
  }
  if (problems.length > 0) {
    console.error(`\n${problems.join('\n')}`);
    process.exitCode = 1;
  }
} finally {
  rmSync(work, { recursive: true });
}

function unpack({ tarball }: PackedPackage): string {
  const folder = `${tarball}.unpacked`;
  mkdirSync(folder);
  execFileSync('tar', ['xzf', tarball, '--strip-components=1', '-C', folder]);
  return folder;
}

/** Checks the list of files, and that none leads to the sources that stay at home. */
function checkContents(unpacked: string): string[] {
  const files = globSync('**/*', { cwd: unpacked, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(unpacked, join(entry.parentPath, entry.name)));
  const missing = ['README.md', 'LICENSE'].filter((name) => !files.includes(name));
  const stray = files.filter((name) => !wanted.test(name) || unwanted.test(name));
  const leaking = files.filter(
    (name) =>
      /\.(d\.ts|js|json)$/.test(name) && readFileSync(join(unpacked, name), 'utf8').includes('@adit/source'),
  );
  return [
    ...missing.map((name) => `${name} is missing from the tarball`),
    ...stray.map((name) => `${name} does not belong into the tarball`),
    ...leaking.map((name) => `${name} names the condition @adit/source`),
  ];
}

/** What is published must be what is developed, less the way to the sources. */
function checkManifest({ folder }: PackedPackage, unpacked: string): string[] {
  const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  const text = readFileSync(join(unpacked, 'package.json'), 'utf8');
  const published = JSON.parse(text);
  const problems: string[] = [];
  for (const field of ['exports', 'imports'] as const) {
    const withoutSources = JSON.stringify(manifest[field], (key, value) =>
      key === '@adit/source' ? undefined : value,
    );
    if (JSON.stringify(published[field]) !== withoutSources) {
      problems.push(`publishConfig.${field} must be ${field} without the lines of @adit/source`);
    }
  }
  if (text.includes('workspace:')) {
    problems.push('the published package.json asks for a package by the workspace protocol');
  }
  return problems;
}

async function lint(unpacked: string): Promise<string[]> {
  const { messages, pkg } = await publint({ pkgDir: unpacked, pack: false });
  return messages.map((message) => `publint: ${formatMessage(message, pkg!, { color: false })}`);
}

async function checkTypes({ tarball }: PackedPackage): Promise<string[]> {
  try {
    await run('attw', [tarball, '--profile', 'esm-only', '--no-color', '--format', 'ascii']);
    return [];
  } catch (error) {
    const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string };
    return [`attw: ${stdout}${stderr}`.trim()];
  }
}
