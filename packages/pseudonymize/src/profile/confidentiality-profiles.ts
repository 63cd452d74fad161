import type { Tag } from '@adit/core';
import { tableE11 } from '../generated/confidentiality-profiles.ts';
import { type ActionCode, isActionCode } from './action.ts';

/** The option columns of PS3.15 Table E.1-1, by the letter each has in the generated table. */
const optionNames = {
  v: 'retainSafePrivate',
  u: 'retainUids',
  d: 'retainDeviceIdentity',
  i: 'retainInstitutionIdentity',
  p: 'retainPatientCharacteristics',
  f: 'retainLongitudinalFullDates',
  m: 'retainLongitudinalModifiedDates',
  t: 'cleanDescriptors',
  s: 'cleanStructuredContent',
  g: 'cleanGraphics',
} as const;

/** An option that has a column in the table. Clean Pixel Data and Clean Recognizable Visual Features have none. */
export type TableOption = (typeof optionNames)[keyof typeof optionNames];

/** What a row has in the columns of the options: kept, or cleaned. */
export type OptionActions = Readonly<Partial<Record<TableOption, 'K' | 'C'>>>;

/** A row of PS3.15 Table E.1-1. */
export interface ProfileRow {
  /** Eight hexadecimal digits, `x` where any digit may stand; `*1******` for all private attributes. */
  pattern: string;
  /** The tag; undefined where the pattern covers several. */
  tag: Tag | undefined;
  basic: ActionCode;
  options: OptionActions;
}

let rows: readonly ProfileRow[] | undefined;

/** All rows of PS3.15 Table E.1-1. */
export function confidentialityProfiles(): readonly ProfileRow[] {
  rows ??= tableE11.trim().split('\n').map(parse);
  return rows;
}

function parse(line: string): ProfileRow {
  const [pattern, basic, ...options] = line.split(' ') as [string, string, ...string[]];
  if (!isActionCode(basic)) throw new Error(`The action ${basic} of ${pattern} is not known.`);
  return {
    pattern,
    tag: /^[\dA-F]{8}$/.test(pattern) ? Number.parseInt(pattern, 16) : undefined,
    basic,
    options: readOptions(options),
  };
}

/** Reads what a generated line says about options: `f:K`. */
export function readOptions(fields: readonly string[]): OptionActions {
  return Object.fromEntries(
    fields.map((field) => [optionNames[field[0] as keyof typeof optionNames], field.slice(2)]),
  );
}
