import { dictionaryEntry, formatTag, isPrivate, type Vr, vrForm } from '@adit/core';
import type { RecipeOption } from './profile-option.ts';
import type { Recipe } from './recipe.ts';
import { conditionTag, patternOf } from './recipe-condition.ts';
import type { RecipeCondition, RecipeRule } from './recipe-rule.ts';
import { type RuleSelector, selectorOf } from './rule-selector.ts';
import { hashedVrs } from './rule-text.ts';
import { isSetByUs } from './tags-set-by-us.ts';

/** What a recipe asks for that is not performed, means nothing or contradicts itself: a sentence each. */
export function contradictionsOf(recipe: Recipe): string[] {
  return [
    ...optionProblems(recipe),
    ...trialProblems(recipe),
    ...ruleProblems(recipe.rules),
    ...maskProblems(recipe),
  ];
}

function optionProblems({ options, dates, maximumAge }: Recipe): string[] {
  const problems: string[] = [];
  const has = (option: RecipeOption) => options.includes(option);
  if (has('cleanRecognizableVisualFeatures')) {
    problems.push(
      'options: cleanRecognizableVisualFeatures is not performed: faces in images are not removed',
    );
  }
  const keeps = has('retainLongitudinalFullDates');
  const shifts = has('retainLongitudinalModifiedDates');
  if (keeps && shifts) {
    problems.push('dates: full dates and modified dates exclude each other (PS3.15 §E.3.6)');
  } else if (dates?.action === 'remove' && (keeps || shifts)) {
    problems.push('dates: remove contradicts the option that retains them');
  }
  if (dates?.days !== undefined) {
    if (dates.action !== 'shift') problems.push('dates.days: only shifted dates have them');
    if (dates.days.from > dates.days.to) problems.push('dates.days: from is more than to');
  }
  if (maximumAge !== undefined && !has('retainPatientCharacteristics')) {
    problems.push('maximumAge: needs the option retainPatientCharacteristics, which keeps the age');
  }
  return problems;
}

function trialProblems({ trial }: Recipe): string[] {
  return trial?.patientComments !== undefined && trial.protocolId === undefined
    ? ['trial.patientComments: needs a protocolId']
    : [];
}

function ruleProblems(rules: readonly RecipeRule[]): string[] {
  const problems: string[] = [];
  const seen = new Map<string, number>();
  rules.forEach((rule, index) => {
    const selector = selectorOf(rule);
    const problem = typeof selector === 'string' ? selector : actionProblem(rule, selector);
    if (problem !== undefined) problems.push(`rules.${index}: ${problem}`);
    if (typeof selector === 'string') return;
    // Those with a condition may stand before one without, the first that applies counts.
    const key = JSON.stringify(selector);
    for (const seenKey of new Set([key, `${key}${JSON.stringify(rule.when)}`])) {
      const first = seen.get(seenKey);
      if (first !== undefined) problems.push(`rules.${index}: is about the same as rules.${first}`);
    }
    seen.set(rule.when === undefined ? key : `${key}${JSON.stringify(rule.when)}`, index);
    if (rule.when !== undefined) {
      problems.push(...conditionProblems(rule.when).map((sentence) => `rules.${index}.when: ${sentence}`));
    }
  });
  return problems;
}

function maskProblems({ pixelMasks = [], options }: Recipe): string[] {
  const problems = pixelMasks.flatMap(({ when }, index) =>
    when.flatMap((condition, at) =>
      conditionProblems(condition).map((sentence) => `pixelMasks.${index}.when.${at}: ${sentence}`),
    ),
  );
  if (pixelMasks.length > 0 && !options.includes('cleanPixelData')) {
    problems.push('pixelMasks: needs the option cleanPixelData');
  }
  return problems;
}

function conditionProblems(condition: RecipeCondition): string[] {
  const { tag, keyword, is, value } = condition;
  const problems: string[] = [];
  if ((tag === undefined) === (keyword === undefined)) problems.push('takes one of tag and keyword');
  else if (conditionTag(condition) === undefined) problems.push(`${keyword} is not a keyword of PS3.6`);
  const needsValue = is !== 'present' && is !== 'blank';
  if (needsValue !== (value !== undefined))
    problems.push(`${is} ${needsValue ? 'needs a' : 'takes no'} value`);
  if (is === 'matching' && value !== undefined && patternOf(value) === undefined) {
    problems.push('value is not a regular expression');
  }
  if (is === 'greater' && value !== undefined && !/\d/.test(value)) problems.push('value is not a number');
  return problems;
}

function actionProblem(rule: RecipeRule, selector: RuleSelector): string | undefined {
  if (selector.kind === 'tag' && isSetByUs(selector.tag)) {
    return `${formatTag(selector.tag)} is set by the pseudonymizer itself and takes no rule`;
  }
  if (
    selector.kind === 'tag' &&
    isPrivate(selector.tag) &&
    (selector.tag & 0xffff) >= 0x1000 &&
    rule.action !== 'remove'
  ) {
    // Which block a creator gets differs from object to object (PS3.5 §7.8.1): the tag alone says nothing.
    return `${formatTag(selector.tag)} is private: name its creator too`;
  }
  const vrs = vrsOf(selector);
  // Private attributes and patterns: known only when the attribute is met.
  if (vrs.length === 0) return undefined;
  const isOf = (...some: Vr[]) => vrs.some((vr) => some.includes(vr));
  const isSequence = vrs.every((vr) => vrForm(vr) === 'sequence');
  switch (rule.action) {
    case 'initials':
      return isOf('PN', 'LO', 'SH') ? undefined : 'initials are for names (VR PN, LO or SH)';
    case 'round-age':
      return isOf('AS') ? undefined : 'round-age is for ages (VR AS)';
    case 'round-date':
      return isOf('DA', 'DT') ? undefined : 'round-date is for dates (VR DA or DT)';
    case 'hash':
      return vrs.some((vr) => hashedVrs.has(vr)) ? undefined : 'hash is for texts';
    case 'map-uid':
      return isOf('UI') ? undefined : 'map-uid is for UIDs (VR UI)';
    case 'shift-date':
      return isOf('DA', 'DT') ? undefined : 'shift-date is for dates (VR DA or DT)';
    case 'replace':
    case 'pseudonym':
      return isSequence ? `${rule.action} is not for sequences` : undefined;
    default:
      return undefined;
  }
}

/** The VRs that the attributes of a selector may have, where that is known. */
function vrsOf(selector: RuleSelector): readonly Vr[] {
  if (selector.kind === 'vr') return [selector.vr];
  if (selector.kind === 'tag') return dictionaryEntry(selector.tag)?.vrs ?? [];
  return [];
}
