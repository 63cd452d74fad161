import {
  formatTag,
  isPrivate,
  keywordOf,
  parseTag,
  registeredUid,
  type Tag,
  tagToHex,
  type Vr,
  vrOf,
} from '@adit/core';
import type { Action, AttributeType } from '../profile/action.ts';
import { type AttributeTypes, attributeTypesOf } from '../profile/attribute-types.ts';
import { compileProfile, type Decision, type Profile, type Rule } from '../profile/profile.ts';
import { PseudonymizeError } from '../pseudonymize-error.ts';
import { type PresetName, presetRecipe } from '../recipe/presets.ts';
import { parseRecipe, type RecipeDocument } from '../recipe/recipe.ts';
import { conditionTag } from '../recipe/recipe-condition.ts';
import { createRuleMatcher } from '../recipe/rule-matcher.ts';
import { isSetByUs } from '../recipe/tags-set-by-us.ts';

/** What becomes of an attribute, and why. */
export interface Explanation {
  /** `(0008,0020)` */
  tag: string;
  /** Keyword of PS3.6; undefined for private attributes and those it does not list. */
  keyword: string | undefined;
  /** As PS3.15 §E.3.1 writes it; `set` where the pseudonymizer writes the value itself. */
  action: Action | 'set';
  /** The same in a word: removed, emptied … */
  outcome: string;
  /** Row of Table E.1-1 that decided, as the table writes it: `(0008,0020)`. */
  row: string | undefined;
  /** Option whose column decided. */
  option: string | undefined;
  /** Type of the attribute at its path, where the action depends on it and the IOD is known. */
  type: AttributeType | undefined;
  /** Which rule of the recipe decided, from 0. */
  rule: number | undefined;
  /** All of it as sentences. */
  text: string;
}

export interface ExplainOptions {
  /** Type depends on it. Default: no SOP class, so that the strictest Type is assumed. */
  sopClassUid?: string;
  /** Sequences around the attribute, from the outside in, as tags or keywords. Default: none. */
  path?: readonly string[];
  /** Private Creator, of a private attribute. */
  creator?: string;
}

/**
 * Says what a recipe makes of an attribute, and which row, option, Type or rule decided. Rules with conditions are told, and
 * taken for true.
 *
 * @param attribute keyword or tag: `StudyDate`, `00080020`, `(0008,0020)`
 *
 * Throws `UNKNOWN_ATTRIBUTE` for what is no attribute, and as reading a recipe does.
 *
 * @example
 * explain('basic', 'StudyDate', { sopClassUid: '1.2.840.10008.5.1.4.1.1.2' }).text;
 * // '(0008,0020) StudyDate is emptied (Z): row (0008,0020) of Table E.1-1 says Z.'
 */
export function explain(
  recipe: PresetName | RecipeDocument,
  attribute: string,
  options: ExplainOptions = {},
): Explanation {
  const parsed = typeof recipe === 'string' ? presetRecipe(recipe) : parseRecipe(recipe);
  const path = (options.path ?? []).map(readTag);
  return explainWith(compileProfile(parsed), readTag(attribute), { ...options, path });
}

/** As `explain`, with what is read already. */
export function explainWith(
  profile: Profile,
  tag: Tag,
  { sopClassUid, path = [], creator, vr }: Omit<ExplainOptions, 'path'> & { path?: readonly Tag[]; vr?: Vr },
): Explanation {
  let types: AttributeTypes | undefined =
    sopClassUid === undefined ? undefined : attributeTypesOf(sopClassUid);
  for (const sequence of path) {
    const around = ruleOf(profile, sequence, types, undefined, 'SQ');
    if (around.action === 'X' || around.action === 'Z') {
      const what = around.action === 'X' ? 'removed' : 'emptied';
      const { text, ...rest } = explanation(profile, sequence, around, sopClassUid, undefined);
      return {
        ...rest,
        ...named(tag),
        action: 'X',
        outcome: 'removed',
        text: `${nameOf(tag)} is removed with the sequence it is in, which is ${what}. ${text}`,
      };
    }
    types = types?.items.get(sequence);
  }
  if (path.length === 0 && isSetByUs(tag) && tag >>> 16 > 0x0002) {
    return {
      ...named(tag),
      action: 'set',
      outcome: 'set',
      row: undefined,
      option: undefined,
      type: undefined,
      rule: undefined,
      text: `${nameOf(tag)} is set by the pseudonymizer itself: ${whySet(tag, profile)}.`,
    };
  }
  const rule = ruleOf(profile, tag, types, creator, vr);
  return explanation(profile, tag, rule, sopClassUid, creator);
}

function ruleOf(
  profile: Profile,
  tag: Tag,
  types: AttributeTypes | undefined,
  creator: string | undefined,
  vr: Vr | undefined,
): Rule {
  return isPrivate(tag) && creator !== undefined
    ? profile.privateRuleFor(creator, tag, vr ?? 'UN', false)
    : profile.ruleFor(tag, types);
}

function explanation(
  profile: Profile,
  tag: Tag,
  rule: Rule,
  sopClassUid: string | undefined,
  creator: string | undefined,
): Explanation {
  const { decision, action, heldBack } = rule;
  const isByTable = decision.by === 'table';
  const index = decision.by === 'recipe' ? profile.recipe.rules.indexOf(decision.rule) : -1;
  const outcome = heldBack === undefined ? outcomeOf(rule) : 'held back with the instance';
  const why = whyOf(decision, index, { sopClassUid, isPrivateTag: isPrivate(tag), creator });
  const conditions = conditionsOf(profile, tag, creator);
  return {
    ...named(tag),
    action,
    outcome,
    row: isByTable ? rowText(decision.row) : undefined,
    option: isByTable ? decision.option : undefined,
    type: isByTable ? decision.type : undefined,
    rule: index < 0 ? undefined : index,
    text: `${nameOf(tag)} is ${outcome}${heldBack === undefined ? ` (${action})` : ''}: ${why}.${conditions}`,
  };
}

const outcomes: Readonly<Record<Action, string>> = {
  X: 'removed',
  Z: 'emptied',
  D: 'given a dummy value',
  U: 'mapped to another UID',
  K: 'kept',
  C: 'cleaned',
};

const outcomesOfRules: Readonly<Partial<Record<string, string>>> = {
  replace: 'replaced by the value of the recipe',
  pseudonym: 'replaced by the pseudonym',
  hash: 'hashed under the key',
  initials: 'replaced by initials',
  'round-age': 'rounded',
  'round-date': 'rounded to the first day of its month or year',
  'shift-date': 'moved by whole days',
};

function outcomeOf({ action, vr, decision }: Rule): string {
  if (decision.by === 'recipe') return outcomesOfRules[decision.rule.action] ?? outcomes[action];
  if (action === 'C' && (vr === 'DA' || vr === 'DT' || vr === 'TM')) return 'moved by whole days';
  if (action === 'K' && vr === 'SQ') return 'kept, its items treated like everything else';
  return outcomes[action];
}

function whyOf(
  decision: Decision,
  index: number,
  {
    sopClassUid,
    isPrivateTag,
    creator,
  }: {
    sopClassUid: string | undefined;
    isPrivateTag: boolean;
    creator: string | undefined;
  },
): string {
  switch (decision.by) {
    case 'recipe':
      return `rule ${index} of the recipe says ${decision.rule.action}`;
    case 'table': {
      const { row, code, type, option, overruled } = decision;
      const says = `row ${rowText(row)} of Table E.1-1 says ${code}`;
      const stricter = overruled === undefined ? '' : `, which is stricter than ${optionText(overruled)}`;
      if (option !== undefined)
        return `${says}, and the option ${optionText(option)} overrides that${stricter}`;
      const where =
        sopClassUid === undefined ? '' : ` in ${registeredUid(sopClassUid)?.name ?? 'its SOP class'}`;
      if (code === 'X' && (type === 1 || type === 2)) return `${says}, but it is of Type ${type}${where}`;
      if (!code.includes('/')) return says;
      if (type !== undefined) return `${says}, and it is of Type ${type}${where}`;
      return sopClassUid === undefined
        ? `${says}, and without a SOP class the strictest Type counts`
        : `${says}, and its Type${where} is not known, so that the strictest counts`;
    }
    case 'vr':
      return 'Table E.1-1 does not list it, and its VR decides';
    case 'always':
      return 'no object has it afterwards, whatever the recipe says';
    case 'safe-private':
      return `PS3.15 Table E.3.10-1, or the object itself, lists it as safe, and the option ${optionText('retainSafePrivate')} keeps that`;
    case 'unknown':
      return isPrivateTag && creator === undefined
        ? 'without a Private Creator nobody knows what it is'
        : 'neither Table E.1-1 nor PS3.6 lists it';
    case 'unlisted':
      return 'Table E.1-1 does not list it; it is searched for identifiers of the header';
  }
}

/** Rules with conditions that are about the attribute: whichever of them holds counts, the first of several. */
function conditionsOf({ recipe }: Profile, tag: Tag, creator: string | undefined): string {
  const about = recipe.rules.flatMap(({ when, ...rule }, index) => {
    if (when === undefined) return [];
    const matcher = createRuleMatcher([rule]);
    const isAbout =
      creator === undefined ? matcher.standard(tag, vrOf(tag)) : matcher.private(creator, tag, vrOf(tag));
    return isAbout === undefined ? [] : [{ index, when }];
  });
  return about
    .map(({ index, when }) => {
      const asked = conditionTag(when);
      const attribute = asked === undefined ? '' : (keywordOf(asked) ?? formatTag(asked));
      const value = when.value === undefined ? '' : ` ${JSON.stringify(when.value)}`;
      return ` Rule ${index} applies only where ${attribute} is ${when.not ? 'not ' : ''}${when.is}${value}.`;
    })
    .join('');
}

function whySet(tag: Tag, profile: Profile): string {
  switch (tagToHex(tag)) {
    case '00100010':
    case '00100020':
      return 'it is the pseudonym';
    case '00080018':
      return profile.has('retainUids') ? 'the option Retain UIDs keeps it' : 'it is mapped to another UID';
    case '00080005':
    case '00080016':
      return 'it says how to read the object, and stays';
    default:
      return 'it says what was performed';
  }
}

function named(tag: Tag): { tag: string; keyword: string | undefined } {
  return { tag: formatTag(tag), keyword: keywordOf(tag) };
}

function nameOf(tag: Tag): string {
  return [formatTag(tag), keywordOf(tag)].filter((part) => part !== undefined).join(' ');
}

/** `retainUids` is Retain UIDs. */
function optionText(option: string): string {
  const words = option.replace(/[A-Z]/g, (letter) => ` ${letter}`).replace(' Uids', ' UIDs');
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** A row as the table writes it: `(60xx,3000)`. */
function rowText(row: string): string {
  return row.startsWith('*') ? '(gggg,eeee) where gggg is odd' : `(${row.slice(0, 4)},${row.slice(4)})`;
}

function readTag(text: string): Tag {
  const tag = parseTag(text.trim());
  if (tag === undefined) {
    throw new PseudonymizeError(
      'UNKNOWN_ATTRIBUTE',
      `"${text}" is no attribute: give a keyword such as StudyDate, or a tag such as (0008,0020).`,
    );
  }
  return tag;
}
