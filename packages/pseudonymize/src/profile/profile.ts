import {
  dictionaryEntry,
  formatTag,
  isPrivate,
  type Tag,
  Tags,
  tagElement,
  tagGroup,
  tagToHex,
  type Vr,
} from '@adit/core';
import type { RecipeOption } from '../recipe/profile-option.ts';
import type { Recipe } from '../recipe/recipe.ts';
import type { RecipeAction, RecipeRule } from '../recipe/recipe-rule.ts';
import { createRuleMatcher } from '../recipe/rule-matcher.ts';
import { selectorOf } from '../recipe/rule-selector.ts';
import { type Action, type ActionCode, type AttributeType, actionOfType, dependsOnType } from './action.ts';
import type { AttributeTypes } from './attribute-types.ts';
import {
  confidentialityProfiles,
  type OptionActions,
  type ProfileRow,
  type TableOption,
} from './confidentiality-profiles.ts';
import { type ContentConcept, contentConcept } from './content-concepts.ts';
import { safePrivateVr } from './safe-private-attributes.ts';

/** What decided on an attribute. */
export type Decision =
  /** A rule of the recipe. */
  | { readonly by: 'recipe'; readonly rule: RecipeRule }
  /** A row of Table E.1-1, `row` as written there without parentheses: `00080020`, `60xx3000`, `*1******` for private. */
  | {
      readonly by: 'table';
      readonly row: string;
      readonly code: ActionCode;
      /** Type of the attribute where `code` depends on it; undefined there when it is not known. */
      readonly type: AttributeType | undefined;
      /** The option whose column decided; undefined when it was the Basic Profile's. */
      readonly option: TableOption | undefined;
      /** Another option on the same row that would have kept more; the standard does not say which wins. */
      readonly overruled: TableOption | undefined;
    }
  /** The table says nothing; the VR does, for names, dates, times and UIDs. */
  | { readonly by: 'vr' }
  /** Belongs to what is never there afterwards: group lengths, other planes of overlays, icons, signatures … */
  | { readonly by: 'always' }
  /** A private attribute that Table E.3.10-1 lists, or that the object itself declares safe. */
  | { readonly by: 'safe-private' }
  /** Neither the table nor the dictionary lists it. */
  | { readonly by: 'unknown' }
  /** The dictionary lists it and the table does not: kept, and searched for identifiers. */
  | { readonly by: 'unlisted' };

/** What becomes of an attribute, and why. */
export interface Rule {
  readonly action: Action;
  /** What becomes of a value that is to be kept or cleaned and cannot be: the action without any option. */
  readonly otherwise: Action;
  /** The usual VR in PS3.6; undefined for attributes that it does not list. */
  readonly vr: Vr | undefined;
  /** All VRs that PS3.6 allows. */
  readonly vrs: readonly Vr[];
  /** Why no instance that has the attribute leaves; undefined for all others. */
  readonly heldBack: string | undefined;
  /** Was it named by the recipe or an option, rather than kept because nothing is said about it? */
  readonly isNamed: boolean;
  /** Does it stay, emptied or with a dummy, although the table removes it, because the IOD asks for it? */
  readonly isRequired: boolean;
  /** The rule of the recipe, where that decided. */
  readonly recipeRule: RecipeRule | undefined;
  /** Creator of a private attribute, where the recipe or Table E.3.10-1 names it, so that it says nothing of a patient. */
  readonly creator: string | undefined;
  readonly decision: Decision;
}

/** What becomes of dates and times that the profile lists. */
export type DateMode = 'removed' | 'kept' | 'shifted';

/** What becomes of attributes under a recipe. Made once for a recipe; rules are found on first use and remembered. */
export interface Profile {
  readonly recipe: Recipe;
  readonly dates: DateMode;
  /** What (0028,0303) says of the dates that are left, those that single rules of the recipe keep included. */
  readonly datesLeft: DateMode;
  /** Is there any date that is moved by the patient's own number of days? */
  readonly movesDates: boolean;
  has(option: RecipeOption): boolean;
  /** The rule for an attribute that is not private, by its Type where `types` know it. */
  ruleFor(tag: Tag, types?: AttributeTypes): Rule;
  /**
   * The rule for a private element (PS3.15 §E.3.10).
   *
   * @param creator trimmed private creator of its block
   * @param isDeclaredSafe whether (0008,0300) of the object says so
   */
  privateRuleFor(creator: string, tag: Tag, vr: Vr, isDeclaredSafe: boolean): Rule;
  /** May a private attribute be kept at all? */
  readonly keepsPrivate: boolean;
  /** What becomes of a content item by its concept name; undefined where Table E.3.4-1 does not list it. */
  contentAction(scheme: string, code: string, valueType: string): Action | undefined;
}

/** Attributes that hold a document or list other instances: nothing that is left of them is known to be clean. */
const heldBack: ReadonlyMap<Tag, string> = new Map([
  [Tags.EncapsulatedDocument, 'It holds an encapsulated document, which is not looked into.'],
  [Tags.DirectoryRecordSequence, 'It is the directory of a medium (DICOMDIR), which names other instances.'],
]);

/**
 * Attributes that go although Table E.1-1 has no row for them. Encrypted Attributes carry the originals, and so do what a
 * signature was made over; MAC Parameters mean nothing without the signatures, which no edited object keeps.
 */
const removedBesides: ReadonlySet<Tag> = new Set([
  Tags.EncryptedAttributesSequence,
  Tags.MACParametersSequence,
  Tags.ModifiedAttributesSequence,
  Tags.OriginalAttributesSequence,
  Tags.IconImageSequence,
  Tags.DigitalSignaturesSequence,
  Tags.DataSetTrailingPadding,
]);

const actionsOfRecipe: Readonly<Record<RecipeAction, Action>> = {
  keep: 'K',
  remove: 'X',
  empty: 'Z',
  replace: 'D',
  pseudonym: 'D',
  hash: 'D',
  initials: 'D',
  'round-age': 'D',
  'round-date': 'D',
  'map-uid': 'U',
  'shift-date': 'C',
  clean: 'C',
  // Nothing that has the attribute gets as far as that: see `heldBack`.
  'hold-back': 'X',
};

function reasonToHoldBack(tag: Tag, decision: Decision): string | undefined {
  if (decision.by !== 'recipe' || decision.rule.action !== 'hold-back') return heldBack.get(tag);
  return `The recipe holds back what has the attribute ${formatTag(tag)}.`;
}

/** Makes the profile of a recipe. */
export function compileProfile(recipe: Recipe): Profile {
  const options = new Set<RecipeOption>(recipe.options);
  const matcher = createRuleMatcher(recipe.rules);
  const dates = dateMode(options);
  /** Rules by tag; of those that depend on the Type, for 1, 2 and 3 behind the one for an unknown Type. */
  const rules = new Map<Tag, Rule | readonly Rule[]>();
  const privateRules = new Map<string, Rule>();
  const concepts = new Map<ContentConcept, Action>();

  /**
   * VRs of which no unlisted attribute is kept as it is: a name is a person's, a date or time belongs to the history that
   * (0028,0303) speaks of, and a UID names an instance unless PS3.6 Annex A lists it.
   */
  const dateAction = { removed: 'D', kept: 'K', shifted: 'C' } as const;
  const sweep = (vr: Vr): Action | undefined => {
    if (vr === 'PN') return 'D';
    if (vr === 'DA' || vr === 'DT' || vr === 'TM') return dateAction[dates];
    if (vr === 'UI') return options.has('retainUids') ? 'K' : 'U';
    return undefined;
  };

  const make = (tag: Tag, action: Action, otherwise: Action, decision: Decision, isNamed: boolean): Rule => {
    const entry = dictionaryEntry(tag);
    return {
      action,
      otherwise,
      vr: entry?.vr,
      vrs: entry?.vrs ?? [],
      heldBack: reasonToHoldBack(tag, decision),
      isNamed,
      isRequired: decision.by === 'table' && decision.code === 'X' && (action === 'Z' || action === 'D'),
      recipeRule: decision.by === 'recipe' ? decision.rule : undefined,
      creator: undefined,
      decision,
    };
  };

  const removed = (tag: Tag, by: 'always' | 'unknown') => make(tag, 'X', 'X', { by }, false);

  /** What is said without the recipe's rules. */
  const profileRule = (tag: Tag, type: AttributeType | undefined): Rule => {
    const group = tagGroup(tag);
    // Group lengths; command elements and file meta information, which no data set has.
    if (tagElement(tag) === 0 || group <= 0x0002 || removedBesides.has(tag)) return removed(tag, 'always');
    const row = rowOf(tag);
    if (row !== undefined) {
      const asked = typeAskedFor(tag, row.basic, type);
      const basic = actionOfType(row.basic, asked);
      // Nobody looks for letters in the bits of curves and overlays, so that Clean Graphics leaves none of them; which private
      // attributes are safe, another table says.
      const columns = isPlane(group) || isPrivate(tag) ? {} : row.options;
      const { option, action, overruled } = optionOf(columns, options);
      const decision: Decision = {
        by: 'table',
        row: row.pattern,
        code: row.basic,
        type: dependsOnType(row.basic) ? asked : undefined,
        option,
        overruled,
      };
      return make(tag, action ?? basic, basic, decision, action !== undefined);
    }
    // A plane of an overlay without its data is not valid (PS3.3 §C.9.2), so all of it goes. Group 0004 is of directories,
    // which are held back: in anything else its elements are strays.
    if (isPlane(group) || group === 0x0004) return removed(tag, 'always');
    const entry = dictionaryEntry(tag);
    if (entry === undefined) return removed(tag, 'unknown');
    const swept = sweep(entry.vr);
    if (swept === undefined) return make(tag, 'K', 'K', { by: 'unlisted' }, false);
    return make(tag, swept, entry.vr === 'UI' ? 'U' : 'D', { by: 'vr' }, false);
  };

  const standardRule = (tag: Tag, type: AttributeType | undefined): Rule => {
    const rule = profileRule(tag, type);
    // Neither a rule nor an option brings back what stands in no data set or what holds originals.
    if (rule.decision.by === 'always') return rule;
    const named = matcher.standard(tag, rule.vr ?? 'UN');
    if (named === undefined) return rule;
    const { otherwise } = rule;
    // What is removed in any case may be kept by a recipe, but not be made of nothing when it cannot be.
    return make(
      tag,
      actionsOfRecipe[named.action],
      otherwise === 'K' ? 'D' : otherwise,
      { by: 'recipe', rule: named },
      true,
    );
  };

  const makeRules = (tag: Tag): Rule | readonly Rule[] => {
    const unknown = standardRule(tag, undefined);
    const { decision } = unknown;
    const depends =
      (decision.by === 'table' && dependsOnType(decision.code)) ||
      (decision.by === 'recipe' && dependsOnType(rowOf(tag)?.basic ?? 'Z'));
    const made = depends
      ? [unknown, standardRule(tag, 1), standardRule(tag, 2), standardRule(tag, 3)]
      : unknown;
    // Only attributes of the table or the dictionary are remembered, so that they stay few.
    if (unknown.vr !== undefined || rowOf(tag)?.tag !== undefined) rules.set(tag, made);
    return made;
  };

  const privateRule = (creator: string, tag: Tag, vr: Vr, isDeclaredSafe: boolean): Rule => {
    const listed = safePrivateVr(creator, tag);
    const named = matcher.private(creator, tag, listed ?? vr);
    const withVr = (rule: Rule): Rule => ({
      ...rule,
      vr: listed === 'UN' ? undefined : listed,
      vrs: listed === undefined || listed === 'UN' ? [] : [listed],
      creator: listed !== undefined || named?.creator !== undefined ? creator : undefined,
    });
    if (named !== undefined) {
      return withVr(make(tag, actionsOfRecipe[named.action], 'X', { by: 'recipe', rule: named }, true));
    }
    if (options.has('retainSafePrivate') && (listed !== undefined || isDeclaredSafe)) {
      const known = listed === undefined || listed === 'UN' ? vr : listed;
      return withVr(make(tag, sweep(known) ?? 'K', 'X', { by: 'safe-private' }, false));
    }
    return profileRule(tag, undefined);
  };

  const datesByRule = recipe.rules.filter(isAboutDates).map(({ action }) => action);
  const datesOfRules = datesByRule.includes('keep')
    ? 'kept'
    : datesByRule.includes('shift-date') || datesByRule.includes('round-date')
      ? 'shifted'
      : 'removed';

  return {
    recipe,
    dates,
    datesLeft: dates === 'removed' ? datesOfRules : dates,
    movesDates:
      dates === 'shifted' ||
      recipe.rules.some((rule) => rule.action === 'shift-date' && rule.days === undefined),
    has: (option) => options.has(option),
    ruleFor(tag, types) {
      const known = rules.get(tag) ?? makeRules(tag);
      if (!Array.isArray(known)) return known as Rule;
      return (known as readonly Rule[])[types?.types.get(tag) ?? 0]!;
    },
    privateRuleFor(creator, tag, vr, isDeclaredSafe) {
      if (isDeclaredSafe) return privateRule(creator, tag, vr, true);
      const key = `${tag >>> 16}\\${tag & 0xff}\\${vr}\\${creator}`;
      let rule = privateRules.get(key);
      if (rule === undefined) {
        rule = privateRule(creator, tag, vr, false);
        if (privateRules.size >= 4096) privateRules.clear();
        privateRules.set(key, rule);
      }
      return rule;
    },
    keepsPrivate: options.has('retainSafePrivate') || recipe.rules.some(mayKeepPrivate),
    contentAction(scheme, code, valueType) {
      const concept = contentConcept(scheme, code, valueType);
      if (concept === undefined) return undefined;
      let action = concepts.get(concept);
      if (action === undefined) {
        // Whether a template asks for the item is not known: its dummy is valid in any case.
        action = optionOf(concept.options, options).action ?? actionOfType(concept.basic, undefined);
        concepts.set(concept, action);
      }
      return action;
    },
  };
}

function dateMode(options: ReadonlySet<RecipeOption>): DateMode {
  if (options.has('retainLongitudinalFullDates')) return 'kept';
  return options.has('retainLongitudinalModifiedDates') ? 'shifted' : 'removed';
}

/**
 * What the options that are performed say about a row. Two may say different things, as Retain Device Identity and modified
 * dates do about a calibration: the standard leaves that open, and the stricter one is taken.
 */
function optionOf(
  columns: OptionActions,
  options: ReadonlySet<RecipeOption>,
): { option?: TableOption; action?: Action; overruled?: TableOption } {
  const asked = (Object.entries(columns) as [TableOption, 'K' | 'C'][]).filter(([option]) =>
    options.has(option),
  );
  const [option, action] = asked.find(([, column]) => column === 'C') ?? asked[0] ?? [];
  const overruled = asked.find(([, column]) => column !== action)?.[0];
  return {
    ...(option === undefined ? {} : { option }),
    ...(action === undefined ? {} : { action }),
    ...(overruled === undefined ? {} : { overruled }),
  };
}

/** Does a rule name attributes of dates or times? */
function isAboutDates(rule: RecipeRule): boolean {
  const selector = selectorOf(rule);
  if (typeof selector === 'string') return false;
  const vrs =
    selector.kind === 'vr'
      ? [selector.vr]
      : selector.kind === 'tag'
        ? (dictionaryEntry(selector.tag)?.vrs ?? [])
        : [];
  return vrs.some((vr) => vr === 'DA' || vr === 'DT' || vr === 'TM');
}

/** Is a rule about private attributes too, and does it leave something of them? */
function mayKeepPrivate({ action, creator, vr, tag }: RecipeRule): boolean {
  return action !== 'remove' && (creator !== undefined || vr !== undefined || /x/i.test(tag ?? ''));
}

/**
 * The Type that a row's action goes by. No IOD asks for a plane that is gone as a whole. A sequence that the table removes has no
 * items in any case: dummies would leave its form, and codes in it.
 */
function typeAskedFor(
  tag: Tag,
  code: ActionCode,
  type: AttributeType | undefined,
): AttributeType | undefined {
  if (isPlane(tagGroup(tag))) return undefined;
  return code === 'X' && type === 1 && dictionaryEntry(tag)?.vr === 'SQ' ? 2 : type;
}

/** Is it a group of curves (50xx) or overlays (60xx)? */
function isPlane(group: number): boolean {
  return group >>> 8 === 0x50 || group >>> 8 === 0x60;
}

let rowsByTag: ReadonlyMap<string, ProfileRow> | undefined;

/** The row of Table E.1-1 for an attribute. */
function rowOf(tag: Tag): ProfileRow | undefined {
  rowsByTag ??= new Map(confidentialityProfiles().map((row) => [row.pattern, row]));
  if (isPrivate(tag)) return rowsByTag.get('*1******');
  const digits = tagToHex(tag).toUpperCase();
  const exact = rowsByTag.get(digits);
  if (exact !== undefined) return exact;
  if (digits.startsWith('50')) return rowsByTag.get('50xxxxxx');
  return digits.startsWith('60') ? rowsByTag.get(`60xx${digits.slice(4)}`) : undefined;
}
