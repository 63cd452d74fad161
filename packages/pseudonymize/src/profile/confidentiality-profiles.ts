import type { Tag } from '@adit/core';
import { tableE11 } from '../generated/confidentiality-profiles.ts';
import { type ActionCode, isActionCode } from './action.ts';

/** An option of PS3.15 Table E.1-1, by the letter it has in the generated table. */
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

export type ProfileOption = (typeof optionNames)[keyof typeof optionNames];

/** A row of PS3.15 Table E.1-1. */
export interface ProfileRow {
  /** Eight hexadecimal digits, `x` where any digit may stand; `*1******` for all private attributes. */
  pattern: string;
  /** The tag; undefined where the pattern covers several. */
  tag: Tag | undefined;
  basic: ActionCode;
  options: Readonly<Partial<Record<ProfileOption, 'K' | 'C'>>>;
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
    options: Object.fromEntries(
      options.map((option) => [optionNames[option[0] as keyof typeof optionNames], option.slice(2)]),
    ),
  };
}
