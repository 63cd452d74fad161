import {
  dictionaryEntry,
  formatDate,
  formatTag,
  isPrivate,
  keywordOf,
  parseDate,
  parseTag,
  type Tag,
  Tags,
} from '@adit/core';
import { profileOptions, type RecipeOption } from '../recipe/profile-option.ts';
import { parseRecipe, type RecipeDocument } from '../recipe/recipe.ts';
import { hashedVrs } from '../recipe/rule-text.ts';
import { isSetByUs } from '../recipe/tags-set-by-us.ts';
import { type CtpCall, type CtpPart, parseCtpCode } from './ctp-code.ts';
import { lookupTable } from './ctp-lookup-table.ts';
import { type CtpElement, readCtpScript } from './ctp-script.ts';

export interface CtpImportOptions {
  /** Name of the recipe. Default: the script's `PROFILENAME`, else `CTP`. */
  name?: string;
  /** Text of the lookup table that `@lookup` reads, lines `keytype/key = value`. */
  lookupTable?: string;
  /** What `@date()` becomes, as `20261125`. Default: such attributes are removed. */
  date?: string;
  /** What `@time()` becomes, as `182938`. Default: such attributes are removed. */
  time?: string;
}

/** Something that the recipe does not do as the script did. */
export interface CtpNote {
  /**
   * `differs`: it is done in another way, such as hashes under a key instead of MD5. `left-out`: it is not done; an attribute
   * whose code is not understood is removed.
   */
  kind: 'differs' | 'left-out';
  /** The attribute, as `(0008,0020)`; undefined for what is about the whole. */
  tag: string | undefined;
  /** What stands in the script. */
  code: string;
  /** What became of it, as a sentence. */
  message: string;
}

export interface CtpImport {
  recipe: RecipeDocument;
  /** Everything that is not done as in CTP. Nothing is left out in silence. */
  notes: CtpNote[];
  /** Table for `pseudonymTable`, where the lookup table has Patient IDs. */
  pseudonyms: string | undefined;
}

type Rule = NonNullable<RecipeDocument['rules']>[number];
type Condition = NonNullable<Rule['when']>;

/** A rule without what it is about, which the importer adds. */
type Outcome = DistributiveOmit<Rule, 'tag' | 'keyword' | 'vr' | 'creator'>;
type DistributiveOmit<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never;

/** CTP's codes of CID 7050 (PS3.16) and the options they are. */
const optionOfCode: Readonly<Record<string, RecipeOption>> = Object.fromEntries(
  profileOptions.map((option, index) => [String(113101 + index), option]),
);

/**
 * Makes a recipe of a script of CTP's DicomAnonymizer.
 *
 * A script says what becomes of the attributes it names and keeps most others; a recipe stands on the Basic Profile of PS3.15, so
 * that attributes the script does not name go by that. What is done in another way than CTP does, or cannot be done, is in
 * `notes`.
 *
 * Throws `INVALID_CTP_SCRIPT` for what is no script.
 */
export function importCtpScript(script: string, options: CtpImportOptions = {}): CtpImport {
  return new CtpImporter(readCtpScript(script), options).run();
}

class CtpImporter {
  readonly #elements: readonly CtpElement[];
  readonly #options: CtpImportOptions;
  readonly #parameters = new Map<string, string>();
  readonly #lookup: ReadonlyMap<string, string>;
  readonly #notes: CtpNote[] = [];
  readonly #rules: Rule[] = [];
  readonly #recipeOptions = new Set<RecipeOption>();
  readonly #trial: { protocolId?: string; protocolName?: string } = {};
  /** Days that dates are moved by, all that the script names; `hash` where they depend on the patient. */
  readonly #shifts = new Set<number | 'hash'>();
  /** Names of the groups of lookup tables that Patient IDs are looked up in. */
  readonly #patientKeyTypes = new Set<string>();
  #removesUnnamed = false;
  #removesPrivate = false;
  #removesCurves = false;
  #removesOverlays = false;
  /** The attribute whose code is being read. */
  #tag: Tag = 0;

  constructor(elements: readonly CtpElement[], options: CtpImportOptions) {
    this.#elements = withoutRepeated(elements);
    this.#options = options;
    this.#lookup = lookupTable(options.lookupTable ?? '');
    for (const element of elements) {
      if (element.kind === 'parameter') this.#parameters.set(element.name.toUpperCase(), element.value);
      if (element.kind === 'remove' && element.what === 'unspecifiedelements') this.#removesUnnamed = true;
    }
  }

  run(): CtpImport {
    for (const element of this.#elements) {
      switch (element.kind) {
        case 'parameter':
          break;
        case 'attribute':
          this.#takeAttribute(element.tag, element.code);
          break;
        case 'keep':
          this.#takeKeep(element.what);
          break;
        case 'remove':
          this.#takeRemove(element.what);
          break;
        case 'unknown':
          this.#note('left-out', element.text, 'It is not known and was left out.');
      }
    }
    this.#takeWholeScript();
    const dates = this.#dates();
    const recipe: RecipeDocument = {
      name: (this.#options.name ?? this.#parameters.get('PROFILENAME') ?? 'CTP').slice(0, 64),
      description: 'Imported from a script of CTP DicomAnonymizer.',
      options: profileOptions.filter((option) => this.#recipeOptions.has(option)),
      ...(dates === undefined ? {} : { dates }),
      ...(Object.keys(this.#trial).length === 0 ? {} : { trial: this.#trial }),
      rules: this.#rules,
    };
    // What cannot be a recipe is a fault of the importer, and is to be seen here rather than when it is used.
    parseRecipe(recipe);
    return { recipe, notes: this.#notes, pseudonyms: this.#pseudonyms() };
  }

  // Attributes

  #takeAttribute(digits: string, code: string): void {
    const tag = parseTag(digits);
    this.#tag = tag ?? 0;
    if (tag === undefined) {
      this.#note('left-out', code, `${digits} is not a tag, and was left out.`);
      return;
    }
    if (tag === Tags.DeidentificationMethodCodeSequence) {
      this.#takeMethodCodes(code);
      return;
    }
    if (isSetByUs(tag)) {
      this.#takeOwn(tag, code);
      return;
    }
    if (isPrivate(tag)) {
      this.#takePrivate(code);
      return;
    }
    const outcomes = this.#outcomesOf(code) ?? [this.#removed(code, 'It is not understood.')];
    if (this.#takeTrialTag(tag, outcomes)) return;
    for (const outcome of outcomes) this.#addRule(tag, outcome);
  }

  #addRule(tag: Tag, outcome: Outcome): void {
    const keyword = keywordOf(tag);
    const vrs = dictionaryEntry(tag)?.vrs ?? [];
    let valid = outcome;
    if (outcome.action === 'map-uid' && vrs.length > 0 && !vrs.includes('UI')) {
      valid = { ...this.#removed('@hashuid', 'It is no UID.'), ...whenOf(outcome) };
    } else if (outcome.action === 'shift-date' && vrs.includes('TM')) {
      // CTP moves dates by whole days: times stay.
      valid = { action: 'keep', ...whenOf(outcome) };
    } else if (outcome.action === 'shift-date' && !vrs.includes('DA') && !vrs.includes('DT')) {
      valid = { ...this.#removed('@incrementdate', 'It is no date.'), ...whenOf(outcome) };
    } else if (outcome.action === 'hash' && !vrs.some((vr) => hashedVrs.has(vr))) {
      valid = { ...this.#removed('@hash', 'It is no text.'), ...whenOf(outcome) };
    } else if (outcome.action === 'round-date' && !vrs.includes('DA') && !vrs.includes('DT')) {
      valid = { ...this.#removed('@modifydate', 'It is no date.'), ...whenOf(outcome) };
    } else if (outcome.action === 'round-age' && !vrs.includes('AS')) {
      valid = { ...this.#removed('@round', 'It is no age.'), ...whenOf(outcome) };
    } else if (outcome.action === 'initials' && !vrs.some((vr) => ['PN', 'LO', 'SH'].includes(vr))) {
      valid = { ...this.#removed('@initials', 'It is no name.'), ...whenOf(outcome) };
    } else if ((outcome.action === 'replace' || outcome.action === 'pseudonym') && vrs.includes('SQ')) {
      valid = { ...this.#removed('text', 'A sequence takes no text.'), ...whenOf(outcome) };
    }
    this.#rules.push({
      ...(keyword === undefined ? { tag: formatTag(tag) } : { keyword }),
      ...valid,
    } as Rule);
  }

  /** Attributes that the pseudonymizer sets itself. */
  #takeOwn(tag: Tag, code: string): void {
    const name = code.replace(/^@always\(\)/, '').trim();
    const lookup = /@\s*lookup\s*\([^,]+,([^),]+)/.exec(code);
    if (lookup !== null && (tag === Tags.PatientID || tag === Tags.PatientName)) {
      this.#patientKeyTypes.add(lookup[1]!.trim().replaceAll('"', ''));
    }
    switch (tag) {
      case Tags.SOPInstanceUID:
        if (name === '@keep()') this.#recipeOptions.add('retainUids');
        break;
      case Tags.PatientName:
      case Tags.PatientID:
        if (lookup !== null) {
          this.#note(
            'differs',
            code,
            'It is the pseudonym, from a table that is given to the pseudonymizer.',
          );
        } else if (name !== '@hash(this)' || tag === Tags.PatientName) {
          this.#note(
            'differs',
            code,
            'It is the pseudonym: the one given to the pseudonymizer, else one made from key, issuer and Patient ID.',
          );
        }
        break;
      case Tags.PatientIdentityRemoved:
      case Tags.DeidentificationMethod:
      case Tags.LongitudinalTemporalInformationModified:
        this.#note('differs', code, 'It says what was performed, and is written by the pseudonymizer.');
        break;
      default:
        if (name !== '@keep()')
          this.#note('left-out', code, 'It stays as it is, for it says how to read the object.');
    }
  }

  /** Which tag of a block a creator gets differs from object to object, and scripts do not say whose it is. */
  #takePrivate(code: string): void {
    const isRemoved = /^(?:@always\(\))?\s*@remove\(\)$/.test(code.trim());
    if (isRemoved) return;
    this.#note(
      'left-out',
      code,
      'It is private and removed: a rule with its creator keeps it, tags alone do not say whose they are.',
    );
  }

  #takeTrialTag(tag: Tag, outcomes: readonly Outcome[]): boolean {
    const member = {
      [Tags.ClinicalTrialProtocolID]: 'protocolId',
      [Tags.ClinicalTrialProtocolName]: 'protocolName',
    }[tag] as 'protocolId' | 'protocolName' | undefined;
    const [outcome] = outcomes;
    if (member === undefined || outcomes.length !== 1 || outcome?.action !== 'replace') return false;
    if (outcome.value === '') return false;
    this.#trial[member] = outcome.value;
    return true;
  }

  /** (0012,0064): CTP writes the codes a script names, whether they are performed or not; here they are the options. */
  #takeMethodCodes(code: string): void {
    for (const part of code.replace(/^@always\(\)/, '').split('/')) {
      const text = part.trim();
      if (text === '' || text === '113100' || text.toLowerCase() === 'reset') continue;
      const option = optionOfCode[text];
      if (option === undefined) {
        this.#note(
          'left-out',
          text,
          'It is no code of CID 7050: what was performed is written by the pseudonymizer.',
        );
      } else if (option === 'cleanPixelData' || option === 'cleanRecognizableVisualFeatures') {
        this.#note('left-out', text, `A script for attributes does not perform ${option}.`);
      } else {
        this.#recipeOptions.add(option);
      }
    }
  }

  // Groups and the rest

  #takeKeep(what: string): void {
    this.#tag = 0;
    if (/^safe/.test(what)) {
      this.#recipeOptions.add('retainSafePrivate');
      return;
    }
    const group = what.padStart(4, '0');
    if (!/^[0-9A-Fa-f]{4}$/.test(group)) {
      this.#note('left-out', what, 'It is no group, and was left out.');
    } else if (Number.parseInt(group, 16) % 2 === 1) {
      this.#note(
        'left-out',
        what,
        'Private groups are removed: rules with creators keep what is known to be clean.',
      );
    } else if (this.#removesUnnamed) {
      this.#rules.push({ tag: `${group}xxxx`, action: 'keep' });
    } else {
      this.#note(
        'differs',
        what,
        'Attributes of the group that the script does not name go by the Basic Profile.',
      );
    }
  }

  #takeRemove(what: string): void {
    this.#tag = 0;
    switch (what) {
      case 'unspecifiedelements':
        // What CTP keeps in any case: the description of the image and the image (SOP and study UIDs have rules of their own).
        this.#rules.push(
          { tag: 'xxxxxxxx', action: 'remove' },
          { tag: '0028xxxx', action: 'keep' },
          { tag: '7FE0xxxx', action: 'keep' },
        );
        break;
      case 'privategroups':
        this.#removesPrivate = true;
        break;
      case 'curves':
        this.#removesCurves = true;
        break;
      case 'overlays':
        this.#removesOverlays = true;
        break;
      default:
        this.#note('left-out', what, 'It is not known and was left out.');
    }
  }

  #takeWholeScript(): void {
    this.#tag = 0;
    if (this.#removesUnnamed) {
      this.#note(
        'differs',
        'unspecifiedelements',
        'Attributes that are not named are removed in sequences too, where CTP leaves them.',
      );
      const named = this.#rules.some(({ keyword }) => keyword === 'StudyInstanceUID');
      if (!named) this.#rules.push({ keyword: 'StudyInstanceUID', action: 'map-uid' });
    } else {
      this.#note(
        'differs',
        '<script>',
        'Attributes that the script does not name go by the Basic Profile of PS3.15; CTP keeps them.',
      );
    }
    if (!this.#removesPrivate && !this.#recipeOptions.has('retainSafePrivate')) {
      this.#note('differs', 'privategroups', 'Private attributes are removed, where the script keeps them.');
    }
    if (!this.#removesCurves)
      this.#note('differs', 'curves', 'Curves are removed, where the script keeps them.');
    if (!this.#removesOverlays) {
      this.#note('differs', 'overlays', 'Overlays are removed, where the script keeps them.');
    }
  }

  /** One number of days for all: those that the script does not name are moved by it too. */
  #dates(): RecipeDocument['dates'] | undefined {
    const full = this.#recipeOptions.has('retainLongitudinalFullDates');
    if (full && (this.#shifts.size > 0 || this.#recipeOptions.has('retainLongitudinalModifiedDates'))) {
      this.#recipeOptions.delete('retainLongitudinalFullDates');
      this.#note('left-out', '113106', 'Dates are moved, so that they are not full dates.');
    }
    const [only] = this.#shifts;
    if (this.#shifts.size !== 1 || typeof only !== 'number' || only >= 0 || only < -36_500) {
      return this.#shifts.has('hash') && this.#shifts.size === 1 ? { action: 'shift' } : undefined;
    }
    for (const rule of this.#rules) if (rule.action === 'shift-date') delete rule.days;
    return { action: 'shift', days: { from: -only, to: -only } };
  }

  #pseudonyms(): string | undefined {
    const rows: string[] = [];
    for (const keyType of this.#patientKeyTypes) {
      for (const [key, value] of this.#lookup) {
        if (key.startsWith(`${keyType}/`))
          rows.push([key.slice(keyType.length + 1), value].map(csvCell).join(','));
      }
    }
    return rows.length === 0 ? undefined : ['PatientID,Pseudonym', ...rows, ''].join('\n');
  }

  // The code of an attribute

  /** What is done, the first that applies; undefined where the code is not understood. */
  #outcomesOf(code: string): Outcome[] | undefined {
    const parts = parseCtpCode(code);
    if (parts === undefined) return undefined;
    const [first, ...rest] = parts;
    if (typeof first === 'object' && first.name === 'always') {
      const outcomes = this.#outcomesOfParts(rest, code);
      if (outcomes?.some(({ action }) => action === 'replace' || action === 'pseudonym')) {
        this.#note('differs', code, 'It is not added to objects that do not have it.');
      }
      return outcomes;
    }
    return this.#outcomesOfParts(parts, code);
  }

  #outcomesOfParts(parts: readonly CtpPart[], code: string): Outcome[] | undefined {
    const [only] = parts;
    if (parts.length === 0) return [{ action: 'empty' }];
    if (parts.length === 1 && typeof only === 'object') return this.#outcomesOfCall(only, code);
    // `@remove()` and `@keep()` win over text around them in CTP; what is left is text and parameters.
    let value = '';
    for (const part of parts) {
      const text = typeof part === 'string' ? part : this.#textOfCall(part);
      if (text === undefined) return undefined;
      value += text;
    }
    return [{ action: 'replace', value }];
  }

  /** The text a function gives that does not depend on the object. */
  #textOfCall({ name, args }: CtpCall): string | undefined {
    switch (name) {
      case 'param':
        return this.#parameters.get((args[0] ?? '').replace(/^@/, '').toUpperCase());
      case 'date': {
        const { date } = this.#options;
        if (date === undefined) return undefined;
        return [date.slice(0, 4), date.slice(4, 6), date.slice(6, 8)].join(args[0] ?? '');
      }
      case 'time':
        return this.#options.time?.replace(/^(..)(..)(..)$/, `$1${args[0] ?? ''}$2${args[0] ?? ''}$3`);
      case 'blank':
        return '';
      default:
        return undefined;
    }
  }

  #outcomesOfCall(call: CtpCall, code: string): Outcome[] | undefined {
    const { name, args } = call;
    const isThis = this.#isThis(args[0]);
    switch (name) {
      case 'keep':
        return [{ action: 'keep' }];
      case 'remove':
        return [{ action: 'remove' }];
      case 'empty':
      case 'blank':
        return [{ action: 'empty' }];
      case 'process':
        // Sequences that are kept are gone through anyway.
        return [{ action: 'keep' }];
      case 'contents':
        return isThis && args.length === 1 ? [{ action: 'keep' }] : undefined;
      case 'require':
        this.#note('differs', code, 'It is kept, but not added to objects that do not have it.');
        return [{ action: 'keep' }];
      case 'hashuid':
        if (!this.#isThis(args[1])) return undefined;
        return [{ action: 'map-uid' }];
      case 'hash':
      case 'hashname':
        return this.#hash(args, code);
      case 'hashptid':
        if (this.#tagOf(args[1]) !== Tags.PatientID) return undefined;
        this.#note('differs', code, 'It is the pseudonym of the patient.');
        return [{ action: 'pseudonym' }];
      case 'incrementdate':
        return isThis ? this.#shift(args[1]) : undefined;
      case 'hashdate':
        if (!isThis || this.#tagOf(args[1]) !== Tags.PatientID) return undefined;
        this.#shifts.add('hash');
        this.#note('differs', code, "Dates move by the patient's number of days, made from the key.");
        return [{ action: 'shift-date' }];
      case 'round': {
        const years = Number(this.#argument(args[1]));
        return isThis && Number.isInteger(years) && years >= 2 && years <= 50
          ? [{ action: 'round-age', years }]
          : undefined;
      }
      case 'modifydate':
        return isThis ? this.#modifyDate(args, code) : undefined;
      case 'initials':
        return isThis && args.length === 1 ? [{ action: 'initials' }] : undefined;
      case 'lookup':
        return this.#lookUp(args, code);
      case 'if':
        return this.#if(call, code);
      case 'quarantine':
        return [{ action: 'hold-back' }];
      case 'skip':
        this.#note('differs', code, 'The object is held back, where CTP passes it on as it is.');
        return [{ action: 'hold-back' }];
      case 'date':
      case 'time':
        if (this.#options[name] !== undefined) {
          this.#note(
            'differs',
            code,
            'It is that of the import from now on, so that the same object stays the same.',
          );
        }
        break;
    }
    const text = this.#textOfCall(call);
    return text === undefined ? undefined : [{ action: 'replace', value: text }];
  }

  #hash(args: readonly string[], code: string): Outcome[] | undefined {
    const tag = this.#tagOf(args[0]);
    if (tag === Tags.PatientID || tag === Tags.PatientName) {
      this.#note('differs', code, 'It is the pseudonym of the patient.');
      return [{ action: 'pseudonym' }];
    }
    if (!this.#isThis(args[0])) return undefined;
    const length = Number(this.#argument(args[1]) ?? 51);
    this.#note(
      'differs',
      code,
      'It is hashed under the key; CTP’s MD5 gives others, and can be turned back by trying.',
    );
    return [{ action: 'hash', length: Number.isInteger(length) ? Math.min(Math.max(length, 4), 51) : 51 }];
  }

  #shift(argument: string | undefined): Outcome[] | undefined {
    const days = Number(this.#argument(argument));
    if (argument === undefined || !Number.isInteger(days) || Math.abs(days) > 36_500) return undefined;
    this.#shifts.add(days);
    return [{ action: 'shift-date', days }];
  }

  /** `@modifydate(this,year,month,day)`: a number each, or `*` for the one that is there. */
  #modifyDate(args: readonly string[], code: string): Outcome[] | undefined {
    const parts = args.slice(1).map((argument) => this.#argument(argument));
    const [year, month, day] = parts;
    if (parts.length !== 3 || !parts.every((part) => /^(?:\*|\d{1,4})$/.test(part ?? ''))) return undefined;
    if (parts.every((part) => part === '*')) return [{ action: 'keep' }];
    if (parts.every((part) => part !== '*')) {
      const date = { year: Number(year), month: Number(month), day: Number(day) };
      const value = formatDate(date);
      return parseDate(value) === undefined ? undefined : [{ action: 'replace', value }];
    }
    // Of what stays, a day without its month or a month without its year says little, and a recipe has none of it.
    if (year !== '*' || day === '*') return undefined;
    const to = month === '*' ? 'month' : 'year';
    if (Number(day) !== 1 || (to === 'year' && Number(month) !== 1)) {
      this.#note('differs', code, `It becomes the first day of its ${to}.`);
    }
    return [{ action: 'round-date', to }];
  }

  /** Each entry of the table is a rule with a condition; who is not in the table is held back, as in CTP. */
  #lookUp(args: readonly string[], code: string): Outcome[] | undefined {
    const [element, keyType = '', otherwise = '', fallback = ''] = args;
    const tag = this.#tagOf(element);
    if (tag === Tags.PatientID) {
      this.#patientKeyTypes.add(keyType);
      this.#note(
        'differs',
        code,
        'It is the pseudonym of the patient, from a table that is given to the pseudonymizer.',
      );
      return [{ action: 'pseudonym' }];
    }
    const entries = [...this.#lookup].filter(([key]) => key.startsWith(`${keyType}/`));
    if (tag === undefined || entries.length === 0) return undefined;
    const outcomes: Outcome[] = entries.map(([key, value]) => ({
      action: 'replace',
      value,
      when: { ...attributeOf(tag), is: 'equal', value: key.slice(keyType.length + 1) },
    }));
    if (otherwise === 'keep' || otherwise === 'remove' || otherwise === 'empty') {
      return [...outcomes, { action: otherwise }];
    }
    if (otherwise === 'default') return [...outcomes, { action: 'replace', value: fallback }];
    if (otherwise !== '') return undefined;
    return [...outcomes, { action: 'hold-back' }];
  }

  #if({ args, blocks }: CtpCall, code: string): Outcome[] | undefined {
    const when = this.#condition(args);
    if (when === undefined) return undefined;
    const [whenTrue = '', whenFalse = ''] = blocks;
    const yes = this.#outcomesOf(whenTrue);
    const no = this.#outcomesOf(whenFalse);
    // A condition within a condition would need both: what is done when it is true must be one thing.
    if (yes?.length !== 1 || 'when' in yes[0]! || no === undefined) {
      this.#note(
        'left-out',
        code,
        'What is done when it is true depends on more, or is not understood: it is removed then.',
      );
      const otherwise = no ?? [this.#removed(whenFalse, 'It is not understood.')];
      return [{ action: 'remove', when }, ...otherwise];
    }
    return [{ ...yes[0]!, when } as Outcome, ...no];
  }

  #condition(args: readonly string[]): Condition | undefined {
    const [element, test, argument] = args;
    const tag = this.#tagOf(element);
    if (tag === undefined) return undefined;
    const attribute = attributeOf(tag);
    const value = this.#argument(argument) ?? '';
    switch (test) {
      case 'isblank':
        return { ...attribute, is: 'blank' };
      case 'exists':
        return { ...attribute, is: 'present' };
      case 'equals':
        return { ...attribute, is: 'equal', value };
      case 'contains':
        return { ...attribute, is: 'containing', value };
      case 'matches':
        return isExpression(value) ? { ...attribute, is: 'matching', value } : undefined;
      case 'greaterthan':
        return /\d/.test(value) ? { ...attribute, is: 'greater', value } : undefined;
      default:
        return undefined;
    }
  }

  /** The attribute an argument names: `this`, a keyword, eight digits, or both halves in brackets. */
  #tagOf(argument: string | undefined): Tag | undefined {
    const text = (argument ?? '').trim();
    if (text === '' || text === 'this') return this.#tag;
    return parseTag(text.replace(/^\[|\]$/g, ''));
  }

  #isThis(argument: string | undefined): boolean {
    return this.#tagOf(argument) === this.#tag;
  }

  /** An argument, or the parameter that it names. */
  #argument(argument: string | undefined): string | undefined {
    return argument?.startsWith('@') ? this.#parameters.get(argument.slice(1).toUpperCase()) : argument;
  }

  #removed(code: string, reason: string): { action: 'remove' } {
    this.#note('left-out', code, `${reason} The attribute is removed.`);
    return { action: 'remove' };
  }

  #note(kind: CtpNote['kind'], code: string, message: string): void {
    const tag = this.#tag === 0 ? undefined : formatTag(this.#tag);
    this.#notes.push({ kind, tag, code, message });
  }
}

/** Of what stands in a script several times, CTP takes the last. */
function withoutRepeated(elements: readonly CtpElement[]): CtpElement[] {
  const last = new Map<string, CtpElement>();
  for (const element of elements) {
    const { kind } = element;
    const key = kind === 'attribute' ? element.tag.toUpperCase() : JSON.stringify(element).toUpperCase();
    // Parameters are read before, and unknown ones are each told.
    last.set(`${kind} ${key}`, element);
  }
  return [...last.values()];
}

function whenOf(outcome: Outcome): { when?: Condition } {
  return outcome.when === undefined ? {} : { when: outcome.when };
}

function attributeOf(tag: Tag): { keyword: string } | { tag: string } {
  const keyword = keywordOf(tag);
  return keyword === undefined ? { tag: formatTag(tag) } : { keyword };
}

function isExpression(text: string): boolean {
  try {
    new RegExp(text, 'u');
    return true;
  } catch {
    return false;
  }
}

function csvCell(text: string): string {
  return /[",;\t\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
