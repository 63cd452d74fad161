// Every row of PS3.15 Table E.1-1, in the data set and in an item, in explicit and implicit VR.

import { dictionaryEntry, type Tag, TransferSyntax, type Vr, vrForm } from '@adit/core';
import { describe, expect, test } from 'vitest';
import type { ActionCode } from './profile/action.ts';
import { confidentialityProfiles } from './profile/confidentiality-profiles.ts';
import { createPseudonymizer } from './pseudonymizer.ts';
import {
  el,
  type Part,
  pseudonymizeParts,
  type ReadElement,
  sq,
  testKey,
  testPseudonym,
  testSopInstanceUid,
} from './testing/dataset.ts';

/** A value for every VR that no dummy looks like. */
const original: Readonly<Partial<Record<Vr, string>>> = {
  AE: 'ORIGINAL',
  AS: '042Y',
  CS: 'ORIGINAL',
  DA: '20200705',
  DS: '42.5',
  DT: '20200705182938',
  IS: '42',
  LO: 'Original',
  LT: 'Original',
  PN: 'Original^Name=Original^Name=Original^Name',
  SH: 'Original',
  ST: 'Original',
  TM: '182938',
  UC: 'Original',
  UI: '1.2.3.4.5',
  UN: 'Original',
  UR: 'http://original.example/',
  UT: 'Original',
};

const mapped = createPseudonymizer({ key: testKey, pseudonym: testPseudonym }).mapUid('1.2.3.4.5');

/** What each action leaves of an element: nothing, an empty value, another value that is not empty, mapped UIDs. */
type Outcome = 'removed' | 'empty' | 'dummy' | 'mapped';

/** What is left where the Type of an attribute is not known, as PS3.15 §E.3.1 reads for the strictest Type. */
const outcomes: Readonly<Record<ActionCode, Outcome>> = {
  X: 'removed',
  Z: 'empty',
  D: 'dummy',
  U: 'mapped',
  'X/Z': 'empty',
  'X/D': 'dummy',
  'Z/D': 'dummy',
  'X/Z/D': 'dummy',
  'X/Z/U*': 'mapped',
};

/** Rows whose attribute is dealt with apart from the table's action; each has its test among those of the rules. */
const apart = new Map<string, string>([
  ['00001000', 'group 0000 is in no data set'],
  ['00001001', 'group 0000 is in no data set'],
  ['00020003', 'file meta information is written anew'],
  ['00080018', 'the SOP Instance UID is checked'],
  ['00100010', 'the pseudonym'],
  ['00100020', 'the pseudonym'],
  ['00420011', 'held back'],
]);

/** Examples of the rows that cover many attributes. */
const examples: Readonly<Record<string, readonly [Tag, Vr]>> = {
  '*1******': [0x00091001, 'LO'],
  '50xxxxxx': [0x50023000, 'OW'],
  '60xx3000': [0x60043000, 'OW'],
  '60xx4000': [0x60064000, 'LT'],
};

const syntaxes = {
  explicit: TransferSyntax.ExplicitVrLittleEndian,
  implicit: TransferSyntax.ImplicitVrLittleEndian,
};

function vrOfRow(tag: Tag, basic: ActionCode): Vr {
  return dictionaryEntry(tag)?.vr ?? (basic === 'U' ? 'UI' : 'LO');
}

function originalElement(tag: Tag, vr: Vr): Part {
  if (vr === 'SQ') {
    return sq(tag, [[el(0x00081155, 'UI', '1.2.3.4.5'), el(0x0040a160, 'UT', 'Original')]]);
  }
  return el(tag, vr, original[vr] ?? new Uint8Array(8).fill(0x2a));
}

function outcomeOf(element: ReadElement | undefined, vr: Vr): Outcome | 'kept' {
  if (element === undefined) return 'removed';
  if (vr === 'SQ') {
    const [item] = element.items!;
    if (item === undefined) return 'empty';
    // A dummy item, or one whose UIDs are mapped and whose texts are dummies where the sequence is to be a dummy.
    const texts = [...item.all()].map(({ text }) => text);
    if (texts.includes('1.2.3.4.5')) return 'kept';
    return texts.includes('Original') ? 'mapped' : 'dummy';
  }
  if (element.bytes.length === 0) return 'empty';
  if (element.text === mapped) return 'mapped';
  if (vrForm(vr) === 'text' ? element.text.includes(original[vr]!) : element.bytes.includes(0x2a))
    return 'kept';
  return 'dummy';
}

describe.each(Object.entries(syntaxes))('in %s VR', (_, transferSyntaxUid) => {
  const rows = confidentialityProfiles().filter(({ pattern }) => !apart.has(pattern));

  test('every row of the table does what it says', async () => {
    expect(rows).toHaveLength(657 - apart.size);
    for (const { pattern, tag: only, basic } of rows) {
      const [tag, vr] = only === undefined ? examples[pattern]! : [only, vrOfRow(only, basic)];
      const part = originalElement(tag, vr);
      const { dataset } = await pseudonymizeParts([part, sq(0x00209222, [[part]])], { transferSyntaxUid });
      // UIDs are mapped even where a dummy would do.
      const expected = vr === 'UI' && outcomes[basic] === 'dummy' ? 'mapped' : outcomes[basic];
      const outer = outcomeOf(dataset.get(tag), vr);
      const nested = outcomeOf(dataset.items(0x00209222)[0]!.get(tag), vr);
      expect({ pattern, basic, outer, nested }).toEqual({
        pattern,
        basic,
        outer: expected,
        nested: expected,
      });
    }
  });

  test('an empty attribute is no reason to fail, and comes out as one that had a value', async () => {
    for (const { tag, basic } of rows) {
      if (tag === undefined) continue;
      const vr = vrOfRow(tag, basic);
      const part = vr === 'SQ' ? sq(tag, []) : el(tag, vr);
      const { dataset } = await pseudonymizeParts([part], { transferSyntaxUid });
      const element = dataset.get(tag);
      expect(element === undefined, `${tag}`).toBe(outcomes[basic] === 'removed');
    }
  });

  test('the rows that stand apart leave no original either', async () => {
    for (const pattern of apart.keys()) {
      const tag = Number.parseInt(pattern, 16);
      if (pattern === '00420011' || pattern === '00080018') continue;
      const vr = vrOfRow(tag, 'U');
      const { dataset } = await pseudonymizeParts([originalElement(tag, vr)], { transferSyntaxUid });
      const texts = [...dataset.all()].map(({ text }) => text);
      expect(texts.filter((text) => text.includes(original[vr]!) || text === testSopInstanceUid)).toEqual([]);
    }
  });
});

test('every dummy is a valid value of its VR', async () => {
  const patterns: Partial<Record<Vr, RegExp>> = {
    AE: /^[ -~]{1,16}$/,
    AS: /^\d{3}[DWMY]$/,
    CS: /^[A-Z0-9 _]{1,16}$/,
    DA: /^(18|19|20)\d\d(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])$/,
    DT: /^\d{14}$/,
    TM: /^([01]\d|2[0-3])[0-5]\d[0-5]\d$/,
    SH: /^[ -~]{1,16}$/,
    UR: /^[a-z]+:\S+$/,
  };
  for (const { tag, basic } of confidentialityProfiles()) {
    if (tag === undefined || apart.has(tag.toString(16).padStart(8, '0'))) continue;
    const vr = vrOfRow(tag, basic);
    if (outcomes[basic] !== 'dummy' || patterns[vr] === undefined) continue;
    const { dataset } = await pseudonymizeParts([originalElement(tag, vr)]);
    expect(dataset.text(tag)).toMatch(patterns[vr]);
  }
});
