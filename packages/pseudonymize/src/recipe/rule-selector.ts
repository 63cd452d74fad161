import { isPrivate, parseTag, type Tag, tagElement, type Vr } from '@adit/core';
import type { RecipeRule } from './recipe-rule.ts';

/** What a rule is about, ready to be compared with. */
export type RuleSelector =
  | { kind: 'tag'; tag: Tag }
  /** Tags that have these digits where `mask` has ones. */
  | { kind: 'pattern'; digits: number; mask: number }
  | { kind: 'vr'; vr: Vr }
  /** `group` and `element` (its last two digits) are undefined where any is meant. */
  | { kind: 'private'; creator: string; group: number | undefined; element: number | undefined };

/** Reads the selector of a rule; a sentence says what is wrong with it. */
export function selectorOf(rule: RecipeRule): RuleSelector | string {
  const { tag, keyword, vr, creator } = rule;
  if ([tag ?? creator, keyword, vr].filter((part) => part !== undefined).length !== 1) {
    return 'takes one of tag, keyword and vr, or a creator with or without a tag';
  }
  if (creator !== undefined) return privateSelector(creator, tag);
  if (vr !== undefined) return { kind: 'vr', vr };
  if (keyword !== undefined) {
    const known = /^[A-Za-z]/.test(keyword) ? parseTag(keyword) : undefined;
    return known === undefined ? `${keyword} is not a keyword of PS3.6` : { kind: 'tag', tag: known };
  }
  const { digits, mask } = patternOf(tag!);
  return mask === 0xffffffff ? { kind: 'tag', tag: digits } : { kind: 'pattern', digits, mask };
}

function privateSelector(creator: string, tag: string | undefined): RuleSelector | string {
  if (tag === undefined) return { kind: 'private', creator, group: undefined, element: undefined };
  const { digits, mask } = patternOf(tag);
  const [groupMask, blockMask, elementMask] = [mask >>> 16, (mask >>> 8) & 0xff, mask & 0xff];
  const isOddGroup = groupMask === 0xffff && isPrivate(digits);
  // The block is whatever the object reserved for the creator (PS3.5 §7.8.1), so a digit there would mean nothing.
  if (!isOddGroup || blockMask !== 0 || (elementMask !== 0xff && elementMask !== 0)) {
    return `with a creator, ${tag} is to be an odd group, xx for the block, and two digits or xx: 0029xx10`;
  }
  const element = elementMask === 0xff ? tagElement(digits) & 0xff : undefined;
  return { kind: 'private', creator, group: digits >>> 16, element };
}

function patternOf(tag: string): { digits: number; mask: number } {
  const text = tag.replace(/[(),]/g, '');
  return {
    digits: Number.parseInt(text.replace(/x/gi, '0'), 16),
    mask: Number.parseInt(text.replace(/[^x]/gi, 'f').replace(/x/gi, '0'), 16),
  };
}
