import { type DicomInstance, formatTag, keywordOf, type Vr } from '@adit/core';
import { compileProfile } from '../profile/profile.ts';
import { createPseudonymizer, type PseudonymizerOptions } from '../pseudonymizer.ts';
import { presetRecipe } from '../recipe/presets.ts';
import { parseRecipe } from '../recipe/recipe.ts';
import { explainWith } from './explain.ts';
import { HeaderEntries, type HeaderEntry } from './header-entries.ts';

/** An attribute that would not be the same afterwards. */
export interface PlannedChange {
  /** Where it is: `(0010,0010)`, `(0008,1140)[1]>(0008,1155)`, items counting from 1. */
  path: string;
  keyword: string | undefined;
  vr: Vr;
  change: 'removed' | 'emptied' | 'changed' | 'added';
  /** The original, masked: `x` for a letter, `9` for a digit, bytes by their number. Undefined for what is added. */
  before: string | undefined;
  /** What it would be; undefined for what is removed or emptied. */
  after: string | undefined;
  /** Which row, option, Type or rule decided. */
  reason: string;
}

export interface Plan {
  /** In the order of the data set; of a sequence that is gone, what is in it is not told. */
  changes: PlannedChange[];
  /** How many attributes would stay as they are. */
  kept: number;
}

/** Most changes of a plan. */
const maxChanges = 10_000;

/**
 * Says what pseudonymizing an instance would change, without a value of the original: it is done, and the result compared.
 * Of values above 64 KiB, pixel data among them, only whether they are there is compared.
 *
 * Throws as pseudonymizing does: `HeldBackError` for what would be held back.
 */
export async function plan(instance: DicomInstance, options: PseudonymizerOptions): Promise<Plan> {
  const { recipe = 'basic' } = options;
  const profile = compileProfile(typeof recipe === 'string' ? presetRecipe(recipe) : parseRecipe(recipe));
  const { transferSyntaxUid, sopClassUid } = instance;
  const original = new HeaderEntries(transferSyntaxUid);
  const result = new HeaderEntries(transferSyntaxUid);
  const outcome = createPseudonymizer(options).transform({
    ...instance,
    dataset: original.observing(instance.dataset),
  });
  for await (const _ of result.observing(outcome.dataset));

  const changes: PlannedChange[] = [];
  let kept = 0;
  /** Keys of what is in a sequence that is gone begin so. */
  let gone: string | undefined;
  for (const key of [...new Set([...original.entries.keys(), ...result.entries.keys()])].sort()) {
    const [before, after] = [original.entries.get(key), result.entries.get(key)];
    if (gone !== undefined && key.startsWith(gone)) continue;
    gone = undefined;
    const change = changeBetween(before, after);
    if (change === undefined) kept++;
    else if (changes.length < maxChanges) {
      const { tag, path, vr, creator } = (before ?? after)!;
      changes.push({
        path: [
          ...path.map(({ sequence, item }) => `${formatTag(sequence)}[${item + 1}]`),
          formatTag(tag),
        ].join('>'),
        keyword: keywordOf(tag),
        vr,
        change,
        before: before && masked(before),
        after: after === undefined || change === 'emptied' ? undefined : (after.text ?? sizeOf(after)),
        reason: explainWith(profile, tag, {
          sopClassUid,
          vr,
          path: path.map(({ sequence }) => sequence),
          ...(creator === undefined ? {} : { creator }),
        }).text,
      });
    }
    if (before?.vr === 'SQ' && after?.vr !== 'SQ') gone = key;
  }
  return { changes, kept };
}

function changeBetween(
  before: HeaderEntry | undefined,
  after: HeaderEntry | undefined,
): PlannedChange['change'] | undefined {
  if (before === undefined) return 'added';
  if (after === undefined) return 'removed';
  if (before.value === undefined || after.value === undefined) {
    return before.value === after.value ? undefined : 'changed';
  }
  if (isSame(before.value, after.value)) return undefined;
  return after.value.length === 0 ? 'emptied' : 'changed';
}

function isSame(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, index) => byte === b[index]);
}

/** The looks of a value without what it says. */
function masked({ text, ...entry }: HeaderEntry): string {
  if (text === undefined) return sizeOf(entry);
  const shown = text.length > 64 ? `${text.slice(0, 64)}…` : text;
  return shown.replace(/\p{L}\p{M}*/gu, 'x').replace(/\p{N}/gu, '9');
}

function sizeOf({ vr, value }: Pick<HeaderEntry, 'vr' | 'value'>): string {
  if (vr === 'SQ') return 'sequence';
  return value === undefined ? 'long value' : `${value.length} bytes`;
}
