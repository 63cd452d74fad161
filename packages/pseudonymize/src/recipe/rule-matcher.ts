import { isPrivate, isPrivateCreator, type Tag, tagElement, tagGroup, type Vr } from '@adit/core';
import type { RecipeRule } from './recipe-rule.ts';
import { type RuleSelector, selectorOf } from './rule-selector.ts';
import { isSetByUs } from './tags-set-by-us.ts';

/** Finds the rule of a recipe for an attribute. */
export interface RuleMatcher {
  /** The rule for an attribute that is not private; undefined where profile and options decide. */
  standard(tag: Tag, vr: Vr): RecipeRule | undefined;
  /** The rule for a private element of this creator (trimmed), undefined where its block has none. */
  private(creator: string | undefined, tag: Tag, vr: Vr): RecipeRule | undefined;
}

type SelectorOf<Kind extends RuleSelector['kind']> = Extract<RuleSelector, { kind: Kind }>;

interface Entry<Kind extends RuleSelector['kind']> {
  selector: SelectorOf<Kind>;
  rule: RecipeRule;
}

/**
 * Puts rules in the order in which they win: a tag (of a creator, where it is private), then a pattern, the one with more
 * digits first, then a VR. What the pseudonymizer sets itself no rule is about.
 */
export function createRuleMatcher(rules: readonly RecipeRule[]): RuleMatcher {
  const byTag = new Map<Tag, RecipeRule>();
  const byVr = new Map<Vr, RecipeRule>();
  const patterns: Entry<'pattern'>[] = [];
  const privates: Entry<'private'>[] = [];
  for (const rule of rules) {
    const selector = selectorOf(rule);
    if (typeof selector === 'string') continue;
    // Of rules about the same, the first: conditions that do not hold are gone already.
    if (selector.kind === 'tag') {
      if (!byTag.has(selector.tag)) byTag.set(selector.tag, rule);
    } else if (selector.kind === 'vr') {
      if (!byVr.has(selector.vr)) byVr.set(selector.vr, rule);
    } else if (selector.kind === 'pattern') patterns.push({ selector, rule });
    else privates.push({ selector, rule });
  }
  const digitsOf = (mask: number) => mask.toString(2).replaceAll('0', '').length;
  patterns.sort((a, b) => digitsOf(b.selector.mask) - digitsOf(a.selector.mask));
  const digitsGiven = ({ group, element }: SelectorOf<'private'>) =>
    (group === undefined ? 0 : 1) + (element === undefined ? 0 : 1);
  privates.sort((a, b) => digitsGiven(b.selector) - digitsGiven(a.selector));

  const byPattern = (tag: Tag, vr: Vr): RecipeRule | undefined =>
    patterns.find(({ selector }) => (tag & selector.mask) >>> 0 === selector.digits)?.rule ?? byVr.get(vr);

  return {
    standard(tag, vr) {
      return isSetByUs(tag) ? undefined : (byTag.get(tag) ?? byPattern(tag, vr));
    },
    private(creator, tag, vr) {
      // A creator element is kept or not as its block is (PS3.5 §7.8.1).
      if (isPrivateCreator(tag)) return undefined;
      const exact = byTag.get(tag);
      if (exact !== undefined) return exact;
      const ofCreator =
        creator === undefined
          ? undefined
          : privates.find(
              ({ selector }) =>
                selector.creator === creator &&
                (selector.group ?? tagGroup(tag)) === tagGroup(tag) &&
                (selector.element ?? tagElement(tag) & 0xff) === (tagElement(tag) & 0xff),
            );
      return ofCreator?.rule ?? (isPrivate(tag) ? byPattern(tag, vr) : undefined);
    },
  };
}
