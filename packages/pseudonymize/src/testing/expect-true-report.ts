import { isPrivate, isPrivateCreator, type Tag, Tags, tagToHex } from '@adit/core';
import { expect } from 'vitest';
import type { PseudonymizationReport } from '../report.ts';
import type { ReadDataset } from './dataset.ts';

/** What happened to the attributes of a path, by comparing the data sets. */
interface Observed {
  before: number;
  added: number;
  removed: number;
  unchanged: number;
  hasSequences: boolean;
}

const methodCodes = Tags.DeidentificationMethodCodeSequence;

/** Sequences that may have got a dummy item in place of their own. */
const maybeDummyItems: ReadonlySet<Tag> = new Set([0x00401101, 0x00080082, Tags.ConceptCodeSequence]);

/**
 * Holds a report of the recipe `basic` against the data sets: nothing is gone, there, or other than it was without the report
 * saying so, and nothing is said that did not happen.
 */
export function expectTrueReport(
  { attributes, counts, unlisted }: PseudonymizationReport,
  before: ReadDataset,
  after: ReadDataset,
): void {
  const observed = new Map<string, Observed>();
  const notCompared: string[] = [];
  const at = (path: string): Observed => {
    const known = observed.get(path) ?? {
      before: 0,
      added: 0,
      removed: 0,
      unchanged: 0,
      hasSequences: false,
    };
    observed.set(path, known);
    return known;
  };
  const compare = (was: ReadDataset, is: ReadDataset, prefix: string): void => {
    for (const { tag } of is.elements) if (was.get(tag) === undefined) at(prefix + nameOf(tag)).added += 1;
    for (const element of was.elements) {
      const path = prefix + nameOf(element.tag);
      const result = is.get(element.tag);
      const there = at(path);
      there.before += 1;
      if (result === undefined) {
        there.removed += 1;
        // Private attributes may have gone before it.
        if (element.items !== undefined || element.vr === 'UN') notCompared.push(`${path}>`);
      } else if (element.items === undefined) {
        if (Buffer.compare(element.bytes, result.bytes) === 0) there.unchanged += 1;
        // It may hide a sequence.
        if (element.vr === 'UN') {
          there.hasSequences = true;
          notCompared.push(element.tag === methodCodes ? path : `${path}>`);
        }
      } else {
        there.hasSequences = true;
        if (maybeDummyItems.has(element.tag)) notCompared.push(`${path}>`);
        else if (element.tag === methodCodes && prefix === '') {
          // Items of ours are appended.
          notCompared.push(`${path}>`);
          there.added += 1;
        } else if (result.items?.length === element.items.length) {
          for (const [index, item] of element.items.entries()) {
            compare(item, result.items[index]!, `${path}>`);
          }
        } else {
          expect(result.items ?? [], path).toEqual([]);
          notCompared.push(`${path}>`);
        }
      }
    }
  };
  compare(before, after, '');

  const isCompared = (path: string) => !notCompared.some((prefix) => path.startsWith(prefix));
  for (const [path, { before, added, removed, unchanged, hasSequences }] of observed) {
    if (!isCompared(path)) continue;
    const { added: told = 0, ...actions } = attributes[path] ?? {};
    expect(told, `${path} added`).toBe(added);
    expect(actions.removed ?? 0, `${path} removed`).toBe(removed);
    expect(actions.kept ?? 0, `${path} kept`).toBeLessThanOrEqual(unchanged);
    const all = sum(Object.values(actions));
    if (hasSequences) expect(all, path).toBeLessThanOrEqual(before);
    else expect(all, path).toBe(before);
  }
  for (const path of Object.keys(attributes))
    if (isCompared(path)) expect(observed.has(path), path).toBe(true);

  const { removedPrivate: _, ...kinds } = counts;
  expect(sum(Object.values(kinds))).toBe(
    sum(Object.values(attributes).flatMap((actions) => Object.values(actions))) + unlisted,
  );
}

const sum = (numbers: readonly number[]) => numbers.reduce((a, b) => a + b, 0);

function nameOf(tag: Tag): string {
  const hex = tagToHex(tag).toUpperCase();
  if (!isPrivate(tag)) return `(${hex.slice(0, 4)},${hex.slice(4)})`;
  return isPrivateCreator(tag) ? `(${hex.slice(0, 4)},00xx)` : `(${hex.slice(0, 4)},xx${hex.slice(6)})`;
}
