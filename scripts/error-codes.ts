import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';

/** May the same succeed later without anybody changing anything? `depends`: on what the peer answered. */
export type Retryable = 'yes' | 'no' | 'depends';

/** A code that a package throws. */
export interface ErrorCode {
  package: string;
  code: string;
  retryable: Retryable;
}

/** Packages whose errors a transfer may end with. */
const packages = ['core', 'dimse', 'dicomweb', 'pseudonymize'];
const errorClasses = new Set(['DicomError', 'DimseError', 'DicomWebError', 'PseudonymizeError']);

/** Reads from the sources which error codes the libraries throw, in the order of packages and codes. */
export function errorCodes(root: string): ErrorCode[] {
  const found = new Map<string, ErrorCode>();
  for (const name of packages) {
    const folder = join(root, 'packages', name, 'src');
    const files = globSync('**/*.ts', { cwd: folder }).filter(
      (file) => !/\.test\.ts$|(^|\/)testing\//.test(file),
    );
    for (const file of files) {
      for (const { code, retryable } of codesOfFile(join(folder, file))) {
        const key = `${name} ${code}`;
        const before = found.get(key)?.retryable;
        found.set(key, {
          package: name,
          code,
          retryable: before === undefined || before === retryable ? retryable : 'depends',
        });
      }
    }
  }
  return [...found.values()].sort(
    (a, b) => packages.indexOf(a.package) - packages.indexOf(b.package) || (a.code < b.code ? -1 : 1),
  );
}

function codesOfFile(path: string): Omit<ErrorCode, 'package'>[] {
  const text = readFileSync(path, 'utf8');
  if (!/Error\b/.test(text)) return [];
  const source = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true);
  const codes: Omit<ErrorCode, 'package'>[] = [];
  /** Functions of this file that make errors of a code they are given. */
  const makers = new Map<string, Retryable>();
  const visit = (node: ts.Node, see: (node: ts.Node) => void): void => {
    see(node);
    ts.forEachChild(node, (child) => visit(child, see));
  };
  visit(source, (node) => {
    codes.push(...codesOfProblem(node));
    const args = argumentsOfError(node);
    const [code, , options] = args ?? [];
    if (!args || !code) return;
    // The classes themselves hand on what they are given.
    const retryable = ts.isNewExpression(node) ? retryableIn(options) : 'no';
    const literals = literalsIn(code);
    if (literals.length > 0) codes.push(...literals.map((one) => ({ code: one, retryable })));
    else {
      const maker = enclosingFunction(node);
      if (maker) makers.set(maker, retryable);
    }
  });
  visit(source, (node) => {
    if (!ts.isCallExpression(node) || !ts.isIdentifier(node.expression)) return;
    const retryable = makers.get(node.expression.text);
    if (retryable === undefined) return;
    const given = node.arguments.some(({ kind }) => kind === ts.SyntaxKind.TrueKeyword);
    for (const argument of node.arguments) {
      for (const code of literalsIn(argument))
        codes.push({ code, retryable: retryable === 'depends' ? (given ? 'yes' : 'no') : retryable });
    }
  });
  return codes;
}

/** Of `new DicomError(…)` and the `super(…)` of a class that is one. */
function argumentsOfError(node: ts.Node): readonly ts.Expression[] | undefined {
  if (ts.isNewExpression(node) && errorClasses.has(node.expression.getText())) return node.arguments;
  if (!ts.isCallExpression(node) || node.expression.kind !== ts.SyntaxKind.SuperKeyword) return undefined;
  const first = node.arguments[0];
  return first && ts.isStringLiteral(first) ? node.arguments : undefined;
}

/** Of an object that says what ended a transfer: `{ code, message, retryable }`. */
function codesOfProblem(node: ts.Node): Omit<ErrorCode, 'package'>[] {
  if (!ts.isObjectLiteralExpression(node)) return [];
  const initializerOf = (name: string) =>
    node.properties.filter(ts.isPropertyAssignment).find((one) => one.name.getText() === name)?.initializer;
  const code = initializerOf('code');
  if (!code || !initializerOf('retryable')) return [];
  return literalsIn(code).map((one) => ({ code: one, retryable: retryableIn(node) }));
}

/** Error codes among the string literals of an expression. */
function literalsIn(node: ts.Node): string[] {
  if (ts.isStringLiteral(node)) return /^[A-Z][A-Z_0-9]{2,}$/.test(node.text) ? [node.text] : [];
  if (!ts.isConditionalExpression(node)) return [];
  return [...literalsIn(node.whenTrue), ...literalsIn(node.whenFalse)];
}

function retryableIn(options: ts.Expression | undefined): Retryable {
  if (!options) return 'no';
  if (!ts.isObjectLiteralExpression(options)) return 'depends';
  for (const property of options.properties) {
    if (ts.isSpreadAssignment(property)) return 'depends';
    if (property.name?.getText() !== 'retryable') continue;
    if (!ts.isPropertyAssignment(property)) return 'depends';
    if (property.initializer.kind === ts.SyntaxKind.TrueKeyword) return 'yes';
    return property.initializer.kind === ts.SyntaxKind.FalseKeyword ? 'no' : 'depends';
  }
  return 'no';
}

function enclosingFunction(node: ts.Node): string | undefined {
  for (let at = node.parent; at; at = at.parent) {
    if (ts.isFunctionDeclaration(at)) return at.name?.text;
    if (ts.isArrowFunction(at) && ts.isVariableDeclaration(at.parent)) return at.parent.name.getText();
  }
  return undefined;
}
