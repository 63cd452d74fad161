import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Attributes, JsonAttribute, JsonValue } from '../attributes.ts';

export const hasDcmtk = spawnSync('dcmdump', ['--version']).status === 0;

/** VRs that the dictionary leaves a choice of, for which dcmdump has names of its own. */
export function comparableVr(vr: string): string {
  return /^(xs|ox|lt|up|US|SS|OW|OB)$/.test(vr) ? 'US|SS|OW|OB' : vr === '??' ? 'UN' : vr;
}

/** What a program prints; undefined when it fails. */
export function run(program: string, ...args: string[]): string | undefined {
  const { status, stdout } = spawnSync(program, args, { encoding: 'utf8', maxBuffer: 2 ** 28 });
  return status === 0 ? stdout : undefined;
}

/** Gives a task a folder that is removed after it. */
export function withFolder<T>(task: (folder: string) => T): T {
  const folder = mkdtempSync(join(tmpdir(), 'adit-dcmtk-'));
  try {
    return task(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/**
 * What dcm2json makes of a file, its pixel data taken out where they are compressed, which it can not write. Undefined
 * where it can not convert the character set.
 */
export function dcm2json(file: string): Attributes | undefined {
  const direct = run('dcm2json', file);
  if (direct !== undefined) return JSON.parse(direct) as Attributes;
  return withFolder((folder) => {
    const copy = join(folder, 'copy.dcm');
    writeFileSync(copy, readFileSync(file));
    run('dcmodify', '-nb', '-ie', '-e', '(7fe0,0010)', copy);
    const stripped = run('dcm2json', copy);
    return stripped === undefined ? undefined : (JSON.parse(stripped) as Attributes);
  });
}

/**
 * Attributes without what DCMTK and we rightly have differently: dcm2json converts to UTF-8 and says so, prints floats of
 * 32 bits with nine digits, keeps the sign of "-0", leaves out names of delimiters alone, and dcmodify takes trailing
 * padding away.
 */
export function comparable(attributes: Attributes): unknown {
  return Object.fromEntries(
    Object.entries(attributes)
      .filter(([key]) => key !== '00080005' && key !== 'FFFCFFFC')
      .map(([key, attribute]) => [key, comparableAttribute(attribute)]),
  );
}

function comparableAttribute({ vr, Value: values, InlineBinary: binary }: JsonAttribute): unknown {
  const isEmptyName = vr === 'PN' && /^[\^=]*$/.test(Object.values((values?.[0] ?? {}) as object).join(''));
  return {
    vr: comparableVr(vr),
    values: isEmptyName ? undefined : values?.map((value) => comparableValue(value, vr)),
    binary,
  };
}

function comparableValue(value: JsonValue, vr: string): unknown {
  if (vr === 'SQ') return comparable(value as Attributes);
  if (typeof value !== 'number') return value;
  return (vr === 'FL' ? Math.fround(value) : value) + 0;
}
