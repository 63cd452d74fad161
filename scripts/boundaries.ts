import { existsSync, globSync, readFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { dirname, join, relative, resolve, sep } from 'node:path';
import ts from 'typescript';

/** What a package of the workspace may reach for. */
export interface PackageRule {
  /** Packages of ours it may import. Nothing else of ours, not even in tests. */
  imports: readonly string[];
  /** Packages of ours whose built files it hands out: it may depend on them and look them up, not import them. */
  serves?: readonly string[];
  /** `true`: Node built-ins are free. A list: only in these folders of the package. Tests may always use them. */
  node: true | readonly string[];
}

/** The floors of the architecture: a package imports packages of lower floors only. */
export const floors: Readonly<Record<string, PackageRule>> = {
  '@adit/core': { imports: [], node: ['src/node/'] },

  '@adit/dimse': { imports: ['@adit/core'], node: true },
  '@adit/dicomweb': { imports: ['@adit/core'], node: true },
  '@adit/pseudonymize': { imports: ['@adit/core'], node: [] },
  '@adit/client': { imports: ['@adit/core'], node: [] },

  '@adit/web-components': { imports: ['@adit/core', '@adit/client', '@adit/pseudonymize'], node: [] },

  '@adit/server': {
    imports: ['@adit/core', '@adit/dimse', '@adit/dicomweb', '@adit/pseudonymize', '@adit/client'],
    serves: ['@adit/web-components'],
    node: true,
  },

  // Private packages that see the others as their users do.
  '@adit/bench': {
    imports: [
      '@adit/core',
      '@adit/dimse',
      '@adit/dicomweb',
      '@adit/pseudonymize',
      '@adit/client',
      '@adit/server',
      '@adit/e2e',
    ],
    node: true,
  },
  '@adit/e2e': {
    imports: [
      '@adit/core',
      '@adit/dimse',
      '@adit/dicomweb',
      '@adit/pseudonymize',
      '@adit/client',
      '@adit/web-components',
      '@adit/server',
    ],
    node: true,
  },
};

/** One place that crosses a line. */
export interface Violation {
  /** Path from the root of the repository, with the line where there is one. */
  where: string;
  message: string;
}

interface Manifest {
  name: string;
  exports?: Record<string, unknown>;
  imports?: Record<string, unknown>;
  dependencies?: Record<string, string>;
  peerDependencies?: Record<string, string>;
  optionalDependencies?: Record<string, string>;
  devDependencies?: Record<string, string>;
}

interface WorkspacePackage {
  folder: string;
  manifest: Manifest;
}

interface Import {
  specifier: string;
  line: number;
  /** Vanishes when types are stripped. */
  typeOnly: boolean;
  /** Only looked up, as a file to serve or to start; no code is taken in. */
  lookup: boolean;
}

/** Tests, and what only tests use: files `*.testing.ts` and those below a folder `testing`. */
function isTestFile(path: string): boolean {
  return /\.test(ing)?\.ts$|\/testing\//.test(path.split(sep).join('/'));
}

/** Every crossing of the floors in the workspace at `root`, in the order of the files. */
export function findViolations(root: string, rules = floors): Violation[] {
  const packages = new Map<string, WorkspacePackage>();
  for (const file of globSync('packages/*/package.json', { cwd: root }).sort()) {
    const manifest = readJson(join(root, file)) as Manifest;
    packages.set(manifest.name, { folder: join(root, dirname(file)), manifest });
  }
  const rootDevDependencies = (readJson(join(root, 'package.json')) as Manifest).devDependencies ?? {};
  return [...packages.values()].flatMap((one) => {
    const rule = rules[one.manifest.name];
    if (!rule) {
      return [
        {
          where: relative(root, one.folder),
          message: `${one.manifest.name} has no floor: give it one in scripts/boundaries.ts`,
        },
      ];
    }
    return [
      ...checkManifest(root, one, rule),
      ...checkSources(root, one, rule, packages, Object.keys(rootDevDependencies)),
    ];
  });
}

/** package.json and tsconfig.json may name only what the floors allow, and must agree with each other. */
function checkManifest(root: string, { folder, manifest }: WorkspacePackage, rule: PackageRule): Violation[] {
  const violations: Violation[] = [];
  const where = relative(root, join(folder, 'package.json'));
  const runtime = {
    ...manifest.dependencies,
    ...manifest.optionalDependencies,
    ...manifest.peerDependencies,
  };
  const ours = Object.keys(runtime).filter((name) => name.startsWith('@adit/'));
  for (const name of ours) {
    if (!rule.imports.includes(name) && !rule.serves?.includes(name)) {
      violations.push({ where, message: `${manifest.name} must not depend on ${name}` });
    } else if (!runtime[name]?.startsWith('workspace:')) {
      violations.push({ where, message: `${name} is of this workspace: ask for it as workspace:^` });
    }
  }
  const tsconfigPath = join(folder, 'tsconfig.json');
  const tsconfig = readJson(tsconfigPath) as { references?: { path: string }[] };
  const references = (tsconfig.references ?? []).map(
    ({ path }) => (readJson(join(folder, path, 'package.json')) as Manifest).name,
  );
  for (const name of new Set([...ours, ...references])) {
    if (!rule.serves?.includes(name) && ours.includes(name) !== references.includes(name)) {
      violations.push({
        where: relative(root, tsconfigPath),
        message: `references and the dependencies in package.json disagree about ${name}`,
      });
    }
  }
  return violations;
}

function checkSources(
  root: string,
  { folder, manifest }: WorkspacePackage,
  rule: PackageRule,
  packages: ReadonlyMap<string, WorkspacePackage>,
  rootDevDependencies: readonly string[],
): Violation[] {
  const violations: Violation[] = [];
  const runtime = new Set(
    [manifest.dependencies, manifest.optionalDependencies, manifest.peerDependencies].flatMap((list) =>
      Object.keys(list ?? {}),
    ),
  );
  const development = new Set([...Object.keys(manifest.devDependencies ?? {}), ...rootDevDependencies]);

  for (const file of globSync('src/**/*.ts', { cwd: folder }).sort()) {
    const path = join(folder, file);
    const isTest = isTestFile(file);
    for (const found of importsOf(path)) {
      const message = judge(found);
      if (message) {
        violations.push({ where: `${relative(root, path)}:${found.line}`, message });
      }
    }

    function judge({ specifier, typeOnly, lookup }: Import): string | undefined {
      if (specifier.startsWith('.')) {
        return judgeRelative(specifier);
      }
      if (specifier.startsWith('#')) {
        const known = Object.hasOwn(manifest.imports ?? {}, specifier);
        return known ? undefined : `${specifier}: not among the imports in package.json`;
      }
      if (isBuiltin(specifier)) {
        const free = rule.node === true || rule.node.some((start) => file.startsWith(start));
        return free || isTest ? undefined : `${specifier}: this code runs outside Node too`;
      }
      if (/^[a-z]+:|^\//.test(specifier)) {
        return `${specifier}: neither a package nor a file of this package`;
      }
      const name = packageName(specifier);
      const target = packages.get(name);
      if (target && name !== manifest.name) {
        if (!rule.imports.includes(name) && !(lookup && rule.serves?.includes(name))) {
          return `${manifest.name} must not import ${name}`;
        }
        if (!Object.hasOwn(target.manifest.exports ?? {}, `.${specifier.slice(name.length)}`)) {
          return `${specifier}: ${name} does not export that`;
        }
      }
      const known = runtime.has(name) || ((isTest || typeOnly || lookup) && development.has(name));
      return known || name === manifest.name
        ? undefined
        : `${name} is missing from the dependencies of ${manifest.name}`;
    }

    function judgeRelative(specifier: string): string | undefined {
      const target = resolve(dirname(path), specifier.replace(/\?.*$/, ''));
      if (!target.startsWith(join(folder, 'src') + sep)) {
        return `${specifier}: leads out of the package's sources`;
      }
      if (!isTest && isTestFile(relative(folder, target))) {
        return `${specifier}: published code must not use what is there for tests`;
      }
      return existsSync(target) ? undefined : `${specifier}: no such file (imports carry the extension .ts)`;
    }
  }
  return violations;
}

/** `@adit/core/node` → `@adit/core`; `pg/lib/x` → `pg`. */
function packageName(specifier: string): string {
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
}

/** Static and dynamic imports, re-exports, import types and `import.meta.resolve` of one file. */
function importsOf(path: string): Import[] {
  const source = ts.createSourceFile(path, readFileSync(path, 'utf8'), ts.ScriptTarget.Latest);
  const imports: Import[] = [];
  visit(source);
  return imports;

  function add(node: ts.Node | undefined, kind: { typeOnly?: boolean; lookup?: boolean } = {}) {
    if (node && ts.isStringLiteralLike(node)) {
      const line = source.getLineAndCharacterOfPosition(node.getStart(source)).line + 1;
      imports.push({ specifier: node.text, line, typeOnly: false, lookup: false, ...kind });
    }
  }

  function visit(node: ts.Node): void {
    if (ts.isImportDeclaration(node)) {
      add(node.moduleSpecifier, {
        typeOnly: node.importClause?.phaseModifier === ts.SyntaxKind.TypeKeyword,
      });
    } else if (ts.isExportDeclaration(node)) {
      add(node.moduleSpecifier, { typeOnly: node.isTypeOnly });
    } else if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) {
      add(node.argument.literal, { typeOnly: true });
    } else if (ts.isCallExpression(node)) {
      const callee = node.expression;
      if (callee.kind === ts.SyntaxKind.ImportKeyword) {
        add(node.arguments[0]);
      } else if (
        ts.isPropertyAccessExpression(callee) &&
        callee.name.text === 'resolve' &&
        callee.expression.kind === ts.SyntaxKind.MetaProperty
      ) {
        add(node.arguments[0], { lookup: true });
      } else if (ts.isIdentifier(callee) && callee.text === 'require') {
        add(node.arguments[0]);
      }
    }
    ts.forEachChild(node, visit);
  }
}

function readJson(path: string): unknown {
  return JSON.parse(readFileSync(path, 'utf8'));
}
