import { parseTag, tagToHex } from '@adit/core';
import { patternOf } from '../recipe/recipe-condition.ts';
import type { RecipeCondition } from '../recipe/recipe-rule.ts';
import { type PixelMaskRule, pixelMaskRule } from './pixel-mask.ts';

export interface CtpPixelScript {
  /** For the `pixels.masks` of a recipe, in the order of the script. A signature with `+` makes several. */
  masks: PixelMaskRule[];
  /**
   * A sentence for each section that was not taken over, and why. The first signature for an image counts, so that what
   * lacks one may let another in: do not use the masks before each of these is dealt with.
   */
  problems: string[];
}

/**
 * Reads a script of the CTP DICOM Pixel Anonymizer: sections `{ signature } (x,y,width,height) …`, all else is comment. A
 * signature is made of `Keyword.function("text")` or `[gggg,eeee].function("text")`, `*` (and), `+` (or), `!` (not) and parentheses.
 *
 * @example
 * importCtpPixelScript('{ Modality.equals("CT") * Manufacturer.contains("GE") } (0,0,512,60)').masks
 */
export function importCtpPixelScript(script: string): CtpPixelScript {
  const masks: PixelMaskRule[] = [];
  const problems: string[] = [];
  let section = 0;
  let comment = '';
  for (const [, before, signature, rest] of script.matchAll(/([^{}]*)\{([^{}]*)\}([^{}]*)(?=\{|$)/g)) {
    section++;
    const name = nameOf(before === '' ? comment : before!);
    comment = rest!;
    try {
      const rectangles = rectanglesOf(rest!);
      for (const when of alternativesOf(parseSignature(signature!))) {
        const rule = pixelMaskRule.safeParse({ ...(name === '' ? {} : { name }), when, rectangles });
        if (!rule.success) throw new ScriptProblem('it has numbers or conditions that a mask cannot have');
        masks.push(rule.data);
      }
    } catch (error) {
      if (!(error instanceof ScriptProblem)) throw error;
      problems.push(
        `Section ${section}${name === '' ? '' : ` (${name})`} was not taken over: ${error.message}.`,
      );
    }
  }
  const left = script.replace(/\{[^{}]*\}/g, '');
  if (section === 0) problems.push('There is no signature in the script.');
  if (/[{}]/.test(left)) problems.push('A brace has no counterpart; what is around it was not taken over.');
  return { masks, problems };
}

class ScriptProblem extends Error {}

/** The last line of a comment. Regions before it belong to the section before. */
function nameOf(text: string): string {
  const lines = text
    .replace(/\([^()]*\)/g, '\n')
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
  return (lines.at(-1) ?? '').slice(0, 200);
}

function rectanglesOf(text: string): PixelMaskRule['rectangles'] {
  const rectangles = [...text.matchAll(/\(([^()]*)\)/g)].map(([, inner]) => {
    const numbers = inner!.split(',').map((number) => number.trim());
    if (numbers.length !== 4 || !numbers.every((number) => /^\d+$/.test(number))) {
      throw new ScriptProblem(`(${inner}) is no region: four whole numbers are`);
    }
    const [x, y, width, height] = numbers.map(Number) as [number, number, number, number];
    return { x, y, width, height };
  });
  if (rectangles.length === 0) throw new ScriptProblem('it names no region');
  return rectangles;
}

/** A signature as it is written. */
type Expression =
  | { kind: 'condition'; condition: RecipeCondition }
  | { kind: 'and' | 'or'; parts: Expression[] }
  | { kind: 'not'; part: Expression }
  | { kind: 'always'; is: boolean };

const lexeme =
  /\s*(?:(?<operator>[*+!()])|(?<constant>true|false)\.?(?![\w(])|(?<name>[A-Za-z]\w*|\[[^\]]*\])\s*\.\s*(?<call>[A-Za-z]\w*)\s*\((?:\s*"(?<text>(?:[^"\\]|\\.)*)")?\s*\))/y;

function parseSignature(signature: string): Expression {
  // Comments of the filter language, where no text is.
  const source = signature
    .replace(/("(?:[^"\\]|\\.)*")|\/\/[^\n]*/g, (_, text?: string) => text ?? ' ')
    .trim();
  let at = 0;
  let next: RegExpExecArray | null = null;
  const advance = () => {
    lexeme.lastIndex = at;
    next = at < source.length ? lexeme.exec(source) : null;
    if (next === null && source.slice(at).trim() !== '') {
      throw new ScriptProblem(`"${source.slice(at, at + 40).trim()}" is not understood`);
    }
    at += next?.[0].length ?? 0;
  };
  const operator = () => next?.groups?.operator;

  const parseAll = (kind: 'or' | 'and', sign: string, parsePart: () => Expression): Expression => {
    const parts = [parsePart()];
    while (operator() === sign) {
      advance();
      parts.push(parsePart());
    }
    return parts.length === 1 ? parts[0]! : { kind, parts };
  };
  const parseOr = (): Expression => parseAll('or', '+', parseAnd);
  const parseAnd = (): Expression => parseAll('and', '*', parseNot);
  const parseNot = (): Expression => {
    const groups = next?.groups;
    if (groups === undefined) throw new ScriptProblem('its signature ends where something has to follow');
    if (groups.operator === '!') {
      advance();
      return { kind: 'not', part: parseNot() };
    }
    if (groups.operator === '(') {
      advance();
      const inner = parseOr();
      if (operator() !== ')') throw new ScriptProblem('a parenthesis is not closed');
      advance();
      return inner;
    }
    if (groups.operator !== undefined)
      throw new ScriptProblem(`"${groups.operator}" stands where no operator may`);
    advance();
    if (groups.constant !== undefined) return { kind: 'always', is: groups.constant === 'true' };
    return callOf(groups.name!, groups.call!, groups.text);
  };

  advance();
  const expression = parseOr();
  if (next !== null)
    throw new ScriptProblem(`"${operator() ?? source.slice(0, 40)}" stands where nothing may`);
  return expression;
}

function callOf(name: string, call: string, text: string | undefined): Expression {
  const attribute = attributeOf(name);
  const value = (text ?? '').replace(/\\(.)/g, '$1');
  const one = (is: RecipeCondition['is'], compared?: string, not = false): Expression => ({
    kind: 'condition',
    condition: { ...attribute, is, not, ...(compared === undefined ? {} : { value: compared }) },
  });
  const known = call.toLowerCase();
  if (text === undefined && !['isblank', 'exists'].includes(known)) {
    throw new ScriptProblem(`${name}.${call}() needs a text`);
  }
  const ignoresCase = known.endsWith('ignorecase');
  const literal = ignoresCase ? anyCase(value) : escaped(value);
  switch (known) {
    case 'equals':
      return value === '' ? one('blank') : one('matching', literal);
    case 'equalsignorecase':
      return value === '' ? one('blank') : one('equal', value);
    case 'contains':
      return one('matching', `.*${literal}.*`);
    case 'containsignorecase':
      return one('containing', value);
    case 'startswith':
    case 'startswithignorecase':
      return one('matching', `${literal}.*`);
    case 'endswith':
    case 'endswithignorecase':
      return one('matching', `.*${literal}`);
    case 'matches':
      // The text of a regular expression keeps its backslashes.
      if (patternOf(text!) === undefined) throw new ScriptProblem(`"${text}" is no regular expression`);
      return one('matching', text);
    case 'isgreaterthan':
      return one('greater', wholeNumber(value, call));
    case 'islessthan': {
      const below = String(Number(wholeNumber(value, call)) - 1);
      return { kind: 'and', parts: [one('matching', String.raw`-?\d+`), one('greater', below, true)] };
    }
    case 'isblank':
      return one('blank');
    case 'exists':
      return one('present');
    default:
      throw new ScriptProblem(`the function ${call} is not known`);
  }
}

function wholeNumber(value: string, call: string): string {
  if (!/^-?\d+$/.test(value.trim())) throw new ScriptProblem(`${call} is taken over for whole numbers only`);
  return value.trim();
}

/** Old names of CTP's dictionary have a genitive that the keywords of PS3.6 lack. */
function attributeOf(name: string): Pick<RecipeCondition, 'tag' | 'keyword'> {
  if (name.startsWith('[')) {
    const tag = parseTag(name.slice(1, -1).replace(/\s/g, ''));
    if (tag === undefined || !/^\[[\s\da-f]+,[\s\da-f]+\]$/i.test(name))
      throw new ScriptProblem(`${name} is no tag`);
    return { tag: tagToHex(tag) };
  }
  for (const keyword of [name, name.replace(/^(Patient|Manufacturer|ReferringPhysician)s/, '$1')]) {
    if (parseTag(keyword) !== undefined && /[g-z]/i.test(keyword)) return { keyword };
  }
  throw new ScriptProblem(`there is no attribute ${name}`);
}

function escaped(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/-]/g, (character) => (character === '-' ? '-' : `\\${character}`));
}

/** A pattern that matches a text in upper and lower case. */
function anyCase(text: string): string {
  return Array.from(text, (character) => {
    const [lower, upper] = [character.toLowerCase(), character.toUpperCase()];
    return lower === upper || lower.length + upper.length !== 2 * character.length
      ? escaped(character)
      : `[${lower}${upper}]`;
  }).join('');
}

/** Most rules that one signature may become. */
const maxAlternatives = 256;

/** The signature as a list of conditions that all are true, or another such list. */
function alternativesOf(expression: Expression): RecipeCondition[][] {
  const alternatives = distributed(expression, false);
  if (alternatives.some((conditions) => conditions.length === 0)) {
    throw new ScriptProblem('its signature is true of every image');
  }
  return alternatives;
}

function distributed(expression: Expression, isNegated: boolean): RecipeCondition[][] {
  switch (expression.kind) {
    case 'always':
      return expression.is !== isNegated ? [[]] : [];
    case 'condition': {
      const { condition } = expression;
      return [[{ ...condition, not: condition.not !== isNegated }]];
    }
    case 'not':
      return distributed(expression.part, !isNegated);
    default: {
      const parts = expression.parts.map((part) => distributed(part, isNegated));
      const isEither = (expression.kind === 'or') !== isNegated;
      const alternatives = isEither
        ? parts.flat()
        : parts.reduce((all, part) => {
            const product = all.length * part.length;
            if (product > maxAlternatives) throw new ScriptProblem('its signature has too many alternatives');
            return all.flatMap((one) => part.map((other) => [...one, ...other]));
          });
      if (alternatives.length > maxAlternatives)
        throw new ScriptProblem('its signature has too many alternatives');
      return alternatives;
    }
  }
}
