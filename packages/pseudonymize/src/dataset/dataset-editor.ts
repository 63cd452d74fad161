import {
  type BulkStartToken,
  type ElementEncoding,
  type ElementToken,
  encodeElement,
  encodeElementHeader,
  encodeItemDelimiter,
  encodeSequenceDelimiter,
  encodeValues,
  type FragmentsStartToken,
  HeldBackError,
  type ItemStartToken,
  isMultiValuedVr,
  isPrivate,
  isPrivateCreator,
  parseAge,
  type SequenceStartToken,
  type Tag,
  Tags,
  type Token,
  tagElement,
  type Vr,
  vrForm,
} from '@adit/core';
import { cleanedText } from '../identifiers/cleaned-text.ts';
import type { InstanceIdentifiers } from '../identifiers/instance-identifiers.ts';
import { endOfValue, latin1Bytes, latin1Text, textOfValue, trimmed } from '../identifiers/text.ts';
import type { UidMapper } from '../keys/uid-mapper.ts';
import type { Action } from '../profile/action.ts';
import { type AttributeTypes, attributeTypesOf } from '../profile/attribute-types.ts';
import { type Dummies, dummiesWithout } from '../profile/dummy.ts';
import type { Profile, Rule } from '../profile/profile.ts';
import { type TextRule, textByRule } from '../recipe/rule-text.ts';
import type { AttributeAction, RemarkCode, ReportWriter } from '../report.ts';
import type { ReportPlace } from '../report-place.ts';
import { CharacterSets } from './character-sets.ts';
import { ContentItem } from './content-item.ts';
import type { DatasetOutput, OpenLength } from './dataset-output.ts';
import { movedDates } from './date-value.ts';
import { DeclaredSafe } from './declared-safe.ts';
import { hiddenSequence } from './hidden-sequence.ts';
import { isNumeric, keptValue } from './kept-value.ts';
import { type OwnElement, ownElements, type Subject } from './own-elements.ts';
import { PrivateGroup } from './private-group.ts';
import { Skipper } from './skipper.ts';
import { encodeCodeItem, encodeMethodItems, type Method, methodTexts, performedMethods } from './stamps.ts';

export interface DatasetEditorOptions {
  output: DatasetOutput;
  report: ReportWriter;
  /** Where the report has the elements of the data set itself. */
  place: ReportPlace;
  /** How the elements of the data set itself are encoded. */
  encoding: ElementEncoding;
  /** What becomes of the attributes. */
  profile: Profile;
  uids: UidMapper;
  /** Sub-key for texts that rules of a recipe make of others. */
  nameKey: Uint8Array;
  /** What no kept value may hold. */
  identifiers: InstanceIdentifiers;
  /** What stands for the patient. */
  subject: Subject;
  /** As the network or the file meta information say them. */
  sopClassUid: string;
  sopInstanceUid: string;
  /** Are its pixel data cleaned before they come here? */
  cleansPixels: boolean;
}

/** What becomes of values that nothing is said about: kept, cleaned, or made dummies. */
type Mode = 'kept' | 'cleaned' | 'dummies';

/** A sequence or an item that is being written. */
interface Frame {
  /** Undefined where it had no length before either. */
  length: OpenLength | undefined;
  mode: Mode;
  /** Encoding of the elements in it. */
  encoding: ElementEncoding;
  /** Types of the attributes of an item, or of those of a sequence. */
  types: AttributeTypes | undefined;
  /** Tag of a sequence of content items, which stay or go by their concept name; undefined for all others. */
  contentItemsOf: Tag | undefined;
  /** The header of a sequence that is written only when it has an item. */
  unwritten: SequenceStartToken | undefined;
  /** Where the report has the elements in it. */
  place: ReportPlace;
}

/**
 * Sequences whose action is D and that consist of a code for a person or an institution: nothing in them may stay, so
 * that they get an item with a code that means nothing. All others get dummies for the values in them.
 */
const dummyCodes: ReadonlySet<Tag> = new Set([
  0x00401101, // Person Identification Code Sequence
  0x00080082, // Institution Code Sequence
]);

/** VRs of which a value in a sequence whose action is D says something of its own. */
const dummyVrs: ReadonlySet<Vr> = new Set(['LO', 'LT', 'SH', 'ST', 'UC', 'UR', 'UT', 'AE', 'AS', 'DS', 'IS']);

/** VRs of texts that people write. */
const descriptiveVrs: ReadonlySet<Vr> = new Set(['LO', 'LT', 'SH', 'ST', 'UC', 'UT']);

/** Numbers of structured content and graphics, which in a sequence whose action is D become zeros. */
const dummyNumbers: ReadonlySet<Tag> = new Set([
  0x0040a161, // Floating Point Value
  0x0040a162, // Rational Numerator Value
  0x00700022, // Graphic Data
]);

/** Sequences of content items, each with a concept name (PS3.15 §E.3.4). */
const contentSequences: ReadonlySet<Tag> = new Set([
  Tags.ContentSequence,
  0x00400555, // Acquisition Context Sequence
  0x00400612, // Specimen Preparation Step Content Item Sequence
  0x0040b020, // Waveform Annotation Sequence
]);

const unformattedTextValue = 0x00700006;

const noItems: AttributeTypes = { types: new Map(), items: new Map() };

/**
 * Applies a profile to the tokens of one data set and writes what comes out of it.
 *
 * Elements that stay as they are keep their bytes; enclosing lengths are set anew. The identifiers to look for must be
 * known before the first token, for the name of a patient may stand in an element before (0010,0010).
 */
export class DatasetEditor {
  readonly #options: DatasetEditorOptions;
  readonly #profile: Profile;
  readonly #output: DatasetOutput;
  readonly #report: ReportWriter;
  readonly #identifiers: InstanceIdentifiers;
  readonly #dummies: Dummies;
  readonly #characterSets = new CharacterSets();
  readonly #skipper = new Skipper();
  readonly #frames: Frame[] = [];
  #frame: Frame;
  /** What is collected until it is known what becomes of it. */
  #collected: ContentItem | PrivateGroup | undefined;
  /** What the report calls the creator of the private element that is at hand. */
  #creator: string | undefined;
  /** Where bytes go instead of the output. */
  #aside: Uint8Array[] | undefined;
  readonly #declaredSafe = new DeclaredSafe();
  #inDeclarations = false;
  /** What becomes of the chunks of the long value that is open. */
  #bulk: 'copied' | 'numbers' = 'copied';
  readonly #methods: readonly Method[];
  readonly #own: readonly OwnElement[];
  readonly #ownTags: ReadonlySet<Tag>;
  /** Which of `#own` is to come next. */
  #nextOwn = 0;
  /** Is (0012,0064) open, and which of our items did it have? */
  #inMethodCodes = false;
  readonly #methodsFound = new Set<string>();
  /** Date and time of the study as they are afterwards. */
  #studyDate = '';
  #studyTime = '';

  constructor(options: DatasetEditorOptions) {
    const { profile, subject, identifiers } = options;
    this.#options = options;
    this.#profile = profile;
    this.#output = options.output;
    this.#report = options.report;
    this.#identifiers = identifiers;
    this.#dummies = dummiesWithout((text) => identifiers.patient.in(text));
    this.#methods = performedMethods(profile, options.cleansPixels);
    this.#own = ownElements(profile, subject, options.cleansPixels);
    this.#ownTags = new Set(this.#own.map(({ tag }) => tag));
    this.#frame = {
      length: undefined,
      mode: 'kept',
      encoding: options.encoding,
      types: attributeTypesOf(options.sopClassUid),
      contentItemsOf: undefined,
      unwritten: undefined,
      place: options.place,
    };
  }

  take(token: Token): void {
    if (this.#skipper.skips(token)) return;
    const collected = this.#collected;
    if (collected !== undefined) {
      if (!collected.endsBefore(token)) {
        this.#collect(collected, token);
        return;
      }
      this.#finishCollected();
    }
    switch (token.kind) {
      case 'element':
        this.#takeElement(token);
        break;
      case 'sequence-start':
        this.#takeSequence(token);
        break;
      case 'item-start':
        this.#takeItem(token);
        break;
      case 'item-end':
        this.#leave(token.bytes, encodeItemDelimiter);
        break;
      case 'sequence-end':
        if (token.depth === 0) this.#endSequenceOfDataset(token.encoding);
        this.#leave(token.bytes, encodeSequenceDelimiter);
        break;
      case 'bulk-start':
      case 'fragments-start':
        this.#takeBulk(token);
        break;
      case 'bulk-chunk':
        if (this.#bulk === 'numbers') this.#checkNumbers(token.bytes);
        this.#emit(token.bytes);
        break;
      default:
        // What is left of long values and fragments.
        this.#emit(token.bytes);
    }
  }

  /** No token is left. */
  end(): void {
    if (this.#collected !== undefined) this.#finishCollected();
    this.#insertBefore(Number.POSITIVE_INFINITY);
    const { report } = this.#report;
    report.instances = 1;
    for (const { code } of this.#methods) report.stamps[code] = 1;
  }

  // Elements

  #takeElement(token: ElementToken): void {
    const { tag } = token;
    if (token.depth === 0 && this.#takeOwn(token)) return;
    if (isPrivate(tag)) this.#takePrivate(token);
    else this.#edit(token, this.#profile.ruleFor(tag, this.#frame.types));
  }

  /** Does to an element what its rule says. */
  #edit(token: ElementToken, rule: Rule): void {
    const { tag, value } = token;
    const vr = token.vr === 'UN' ? (rule.vr ?? 'UN') : token.vr;
    if (rule.heldBack !== undefined && (value.length > 0 || rule.decision.by === 'recipe'))
      throw new HeldBackError(rule.heldBack);
    if (rule.vr === 'SQ' && rule.action !== 'X' && rule.action !== 'Z') {
      // No sequence: there is nothing in it, or nobody knows what.
      if (value.length > 0) this.#remove(tag, 'UNREADABLE');
      else {
        this.#count('kept', tag);
        this.#emit(token.bytes);
      }
      return;
    }
    if (rule.isRequired) this.#report.remark('REQUIRED', tag);
    if (rule.decision.by === 'table' && rule.decision.overruled !== undefined && value.length > 0) {
      this.#report.remark('STRICTER_OPTION', tag);
    }
    const action = this.#actionInFrame(rule, tag, vr);
    if (rule.recipeRule !== undefined && action === rule.action) this.#editByRecipe(token, rule, vr);
    else this.#do(action, token, rule, vr);
  }

  #do(action: Action, token: ElementToken, rule: Rule, vr: Vr): void {
    switch (action) {
      case 'X':
        this.#count('removed', token.tag);
        break;
      case 'Z':
        this.#count('emptied', token.tag);
        this.#emit(encodeElementHeader(token.tag, vr, 0, this.#frame.encoding));
        break;
      case 'D':
        this.#replace(token, vr);
        break;
      case 'U':
        this.#mapUids(token, vr);
        break;
      case 'C':
        this.#clean(token, rule, vr);
        break;
      case 'K':
        this.#keep(token, rule, vr);
    }
  }

  #editByRecipe(token: ElementToken, rule: Rule, vr: Vr): void {
    const { tag } = token;
    const named = rule.recipeRule!;
    switch (named.action) {
      case 'replace':
        this.#count('replaced', tag);
        this.#write(tag, vr, this.#encodedValue(named.value, vr, token.depth));
        break;
      case 'pseudonym':
        this.#count('replaced', tag);
        this.#write(tag, vr, this.#encodedText(this.#options.subject.pseudonym, vr, token.depth));
        break;
      case 'shift-date':
        this.#moveDates(token, rule, vr, named.days ?? this.#options.subject.days);
        break;
      case 'hash':
      case 'initials':
      case 'round-age':
      case 'round-date':
        this.#replaceByRule(token, rule, named, vr);
        break;
      default:
        this.#do(rule.action, token, rule, vr);
    }
  }

  /** Each value becomes what a rule makes of it; where it can make nothing of one, all become what they would without it. */
  #replaceByRule(token: ElementToken, rule: Rule, named: TextRule, vr: Vr): void {
    const characterSet = this.#characterSets.at(token.depth);
    const text = textOfValue(token.value, vr, characterSet);
    const values = isMultiValuedVr(vr) ? text.split('\\') : [text];
    const made = values.map((value) => {
      const before = trimmed(value);
      return before === '' ? '' : textByRule(named, before, vr, this.#options.nameKey);
    });
    const isMade = made.every((value) => value !== undefined);
    const bytes = isMade ? characterSet.encode(made.join('\\'), vr) : undefined;
    if (bytes === undefined) {
      this.#doOtherwise('UNREADABLE', token, rule, vr);
      return;
    }
    this.#count('replaced', token.tag);
    this.#write(token.tag, vr, bytes);
  }

  /** The value of a rule of the recipe, as its VR has it. */
  #encodedValue(text: string, vr: Vr, depth: number): Uint8Array {
    if (vrForm(vr) === 'text') return this.#encodedText(text, vr, depth);
    try {
      const values = text === '' ? [] : text.split('\\');
      const numbers = vrForm(vr) === 'number' ? values.map(Number) : values;
      return encodeValues(numbers, vr, { littleEndian: this.#frame.encoding.littleEndian });
    } catch (error) {
      throw new HeldBackError(`A rule of the recipe gives a value that its VR, ${vr}, cannot have.`, {
        cause: error,
      });
    }
  }

  /** Elements of the data set that are ours to set or to check. Returns whether the token was dealt with. */
  #takeOwn(token: ElementToken): boolean {
    const { tag } = token;
    this.#insertBefore(tag);
    const own = this.#takesPlaceOf(tag);
    if (own !== undefined) {
      this.#insert(own, token);
      return true;
    }
    // One that comes twice or out of order.
    if (this.#ownTags.has(tag)) {
      this.#count('removed', tag);
      return true;
    }
    if (tag === Tags.SOPInstanceUID) {
      const uid = trimmed(latin1Text(token.value));
      if (uid !== this.#options.sopInstanceUid) {
        throw new HeldBackError('Its SOP Instance UID is not the one it was announced with.');
      }
    } else if (tag === Tags.SOPClassUID) {
      // Names a private SOP class where it is not registered: the object could not be stored under another.
      if (trimmed(latin1Text(token.value)) !== this.#options.sopClassUid) return false;
      this.#pass(token, 'UI');
      return true;
    }
    return false;
  }

  /** In sequences whose content is cleaned or made dummies, what is kept elsewhere is so too, where it may say something. */
  #actionInFrame({ action, isNamed }: Rule, tag: Tag, vr: Vr): Action {
    const { mode } = this.#frame;
    if (mode === 'kept' || isNamed) {
      // A code or a date that an option keeps is a dummy all the same where everything is.
      return mode === 'dummies' && isNamed && action === 'K' && dummyVrs.has(vr) ? 'D' : action;
    }
    if (mode === 'cleaned') {
      if (tag === unformattedTextValue) return 'C';
      return action === 'K' && descriptiveVrs.has(vr) && !isCodeAttribute(tag) ? 'C' : action;
    }
    if (action !== 'K') return action;
    if (dummyNumbers.has(tag)) return 'D';
    if (!dummyVrs.has(vr)) return 'K';
    // Codes keep their form: a code for a person has its sequence replaced as a whole.
    return isCodeAttribute(tag) ? 'K' : 'D';
  }

  #replace(token: ElementToken, vr: Vr): void {
    const { tag } = token;
    if (vr === 'UI') {
      this.#mapUids(token, vr);
      return;
    }
    this.#count('replaced', tag);
    this.#write(tag, vr, this.#dummyOf(token, vr));
  }

  #dummyOf({ tag, value }: ElementToken, vr: Vr): Uint8Array {
    if (dummyNumbers.has(tag)) return new Uint8Array(value.length);
    // One of its own form (PS3.3 §C.12.1.1).
    return tag === Tags.TimezoneOffsetFromUTC ? latin1Bytes('+0000') : this.#dummies.bytes(vr);
  }

  #mapUids(token: ElementToken, vr: Vr): void {
    const { value } = token;
    const before = latin1Text(value, 0, endOfValue(value));
    const after = before
      .split('\\')
      .map((uid) => this.#options.uids.map(trimmed(uid)))
      .join('\\');
    if (after === before) {
      this.#pass(token, vr);
      return;
    }
    this.#count('mapped', token.tag);
    this.#write(token.tag, vr, latin1Bytes(after));
  }

  #keep(token: ElementToken, rule: Rule, vr: Vr): void {
    const { tag, value } = token;
    if (tag === Tags.SpecificCharacterSet) this.#characterSets.set(token.depth, value);
    if (this.#inMethodCodes && tag === Tags.CodeValue) {
      this.#methodsFound.add(trimmed(latin1Text(value)));
    }
    if (this.#inDeclarations && token.depth === 1) this.#declaredSafe.take(token);
    if (value.length === 0) {
      this.#pass(token, vr);
      return;
    }
    switch (vr) {
      case 'PN':
        // The dictionary may have another VR for it: what it is does not depend on that.
        if (!rule.isNamed) {
          this.#replace(token, vr);
          return;
        }
        break;
      case 'DA':
      case 'DT':
      case 'TM':
        if (rule.isNamed || this.#profile.dates === 'kept') this.#moveDates(token, rule, vr, 0);
        else if (this.#profile.dates === 'shifted') {
          this.#moveDates(token, rule, vr, this.#options.subject.days);
        } else this.#replace(token, vr);
        return;
      case 'AS':
        if (!rule.isNamed || parseAge(latin1Text(value)) !== undefined) break;
        this.#doOtherwise('UNREADABLE', token, rule, vr);
        return;
      case 'UI':
        if (rule.isNamed || this.#profile.has('retainUids')) this.#pass(token, vr);
        else this.#mapUids(token, vr);
        return;
    }
    this.#keepSearched(token, rule, vr);
  }

  #keepSearched(token: ElementToken, rule: Rule, vr: Vr): void {
    const { tag, value } = token;
    const kept = keptValue(value, vr, rule, token.vr !== 'UN', {
      characterSet: this.#characterSets.at(token.depth),
      identifiers: this.#identifiers,
      dummies: this.#dummies,
    });
    if (kept === value) {
      this.#pass(token, vr);
    } else if (kept === undefined) {
      this.#remove(tag, 'IDENTIFIER');
    } else {
      this.#count('cleaned', tag);
      this.#report.remark('IDENTIFIER', tag);
      this.#write(tag, vr, kept);
    }
  }

  /** What an option says is to be cleaned: dates are moved, texts go through word by word. */
  #clean(token: ElementToken, rule: Rule, vr: Vr): void {
    const { tag, value } = token;
    if (value.length === 0) {
      this.#pass(token, vr);
    } else if (vr === 'DA' || vr === 'DT' || vr === 'TM') {
      this.#moveDates(token, rule, vr, this.#options.subject.days);
    } else if (tag === Tags.TimezoneOffsetFromUTC) {
      // Whole days leave it as it is.
      this.#keepSearched(token, rule, vr);
    } else if (descriptiveVrs.has(vr)) {
      this.#cleanText(token, rule, vr);
    } else if (vr === 'CS') {
      this.#keepSearched(token, rule, vr);
    } else if (vr === 'AE') {
      // The title of a machine says whose it is.
      this.#replace(token, vr);
    } else {
      // Bytes that nobody looks into.
      this.#doOtherwise('UNREADABLE', token, rule, vr);
    }
  }

  #cleanText(token: ElementToken, rule: Rule, vr: Vr): void {
    const { tag, value, depth } = token;
    const characterSet = this.#characterSets.at(depth);
    const before = textOfValue(value, vr, characterSet);
    const after = cleanedText(before, this.#identifiers);
    if (after === before) {
      this.#pass(token, vr);
      return;
    }
    const bytes = after === '' ? undefined : characterSet.encode(after, vr);
    if (bytes === undefined) {
      this.#do(rule.otherwise === 'K' ? 'D' : rule.otherwise, token, rule, vr);
      return;
    }
    this.#count('cleaned', tag);
    this.#write(tag, vr, bytes);
  }

  #moveDates(token: ElementToken, rule: Rule, vr: Vr, days: number): void {
    const { tag, value } = token;
    const moved = movedDates(value, vr, days);
    if (moved === undefined) {
      this.#doOtherwise('UNREADABLE', token, rule, vr);
    } else if (moved === value) {
      this.#pass(token, vr);
    } else {
      this.#count('moved', tag);
      this.#write(tag, vr, moved);
    }
  }

  /** What can be neither kept nor cleaned becomes what it would without any option. */
  #doOtherwise(code: RemarkCode, token: ElementToken, rule: Rule, vr: Vr): void {
    this.#report.remark(code, token.tag);
    this.#do(rule.otherwise === 'K' ? 'D' : rule.otherwise, token, rule, vr);
  }

  #remove(tag: Tag, code: RemarkCode): void {
    this.#count('removed', tag);
    this.#report.remark(code, tag);
  }

  #count(action: AttributeAction, tag: Tag): void {
    this.#report.count(action, this.#frame.place, tag, this.#creator);
  }

  /** An element stays as it was. */
  #pass(token: ElementToken, vr: Vr): void {
    this.#count('kept', token.tag);
    this.#emit(this.#verbatim(token, vr));
  }

  #write(tag: Tag, vr: Vr, value: Uint8Array): void {
    if (this.#frames.length === 0) this.#noteStudy(tag, value);
    this.#emit(encodeElement(tag, vr, value, this.#frame.encoding));
  }

  #emit(bytes: Uint8Array): void {
    if (this.#aside === undefined) this.#output.write(bytes);
    else this.#aside.push(bytes);
  }

  /** The bytes of an element as they were, its header made valid where it was not. */
  #verbatim(token: ElementToken, vr: Vr): Uint8Array {
    const { bytes, encoding } = token;
    if (token.depth === 0) this.#noteStudy(token.tag, token.value);
    const isEncodedAlike = encoding.explicitVr === this.#frame.encoding.explicitVr;
    // `UN` is what is read where no VR of the standard stood.
    const hasVr = token.vr !== 'UN' || !encoding.explicitVr || (bytes[4] === 0x55 && bytes[5] === 0x4e);
    if (isEncodedAlike && hasVr) return bytes;
    return encodeElement(token.tag, vr, token.value, this.#frame.encoding);
  }

  /** Remembers what of the study is asked for later. */
  #noteStudy(tag: Tag, value: Uint8Array): void {
    if (tag === Tags.StudyDate) this.#studyDate = trimmed(latin1Text(value));
    else if (tag === Tags.StudyTime) this.#studyTime = trimmed(latin1Text(value));
    else if (tag === Tags.StudyInstanceUID) {
      this.#report.report.studyInstanceUid = trimmed(latin1Text(value));
    }
  }

  // Sequences

  #takeSequence(token: SequenceStartToken): void {
    const { tag, depth } = token;
    if (depth === 0) {
      this.#insertBefore(tag);
      const own = this.#takesPlaceOf(tag);
      if (own?.vr === 'SQ') {
        this.#inMethodCodes = true;
      } else if (own !== undefined || this.#ownTags.has(tag)) {
        if (own !== undefined) this.#insert(own, token);
        else this.#count('removed', tag);
        this.#skipper.begin(token);
        return;
      }
      this.#inDeclarations = tag === Tags.PrivateDataElementCharacteristicsSequence;
    }
    if (isPrivate(tag)) this.#takePrivate(token);
    else this.#editSequence(token, this.#profile.ruleFor(tag, this.#frame.types));
  }

  #editSequence(token: SequenceStartToken, rule: Rule): void {
    const { tag } = token;
    if (rule.heldBack !== undefined) throw new HeldBackError(rule.heldBack);
    if (rule.isRequired) this.#report.remark('REQUIRED', tag);
    const { mode } = this.#frame;
    const isSequence = rule.vr === undefined || rule.vr === 'SQ';
    const isKept = rule.action === 'K' || rule.action === 'C';
    const action = isKept && mode === 'dummies' && tag === Tags.ConceptCodeSequence ? 'D' : rule.action;
    if (action === 'X' || !isSequence) {
      this.#count('removed', tag);
      if (action !== 'X') this.#report.remark('UNREADABLE', tag);
      this.#skipper.begin(token);
    } else if (action === 'Z') {
      this.#count('emptied', tag);
      this.#emit(encodeElementHeader(tag, 'SQ', 0, this.#frame.encoding));
      this.#skipper.begin(token);
    } else if (action === 'D' && (dummyCodes.has(tag) || tag === Tags.ConceptCodeSequence)) {
      this.#count('replaced', tag);
      this.#writeDummyCode(tag);
      this.#skipper.begin(token);
    } else {
      if (action === 'D') this.#count('replaced', tag);
      this.#enter(token, this.#modeIn(action, rule));
    }
  }

  /** What becomes of values in a sequence. */
  #modeIn(action: Action, { decision }: Rule): Mode {
    if (action === 'D') return 'dummies';
    const isCleaned =
      action === 'C' &&
      decision.by === 'table' &&
      (decision.option === 'cleanStructuredContent' || decision.option === 'cleanGraphics');
    return isCleaned ? 'cleaned' : this.#frame.mode;
  }

  #writeDummyCode(tag: Tag): void {
    const { encoding } = this.#frame;
    const word = this.#dummies.text('LO');
    const item = encodeCodeItem({ value: word, scheme: '99ADIT', meaning: word }, encoding);
    this.#emit(encodeElementHeader(tag, 'SQ', item.length, encoding));
    this.#emit(item);
  }

  #takeItem(token: ItemStartToken): void {
    this.#characterSets.enterItem(token.depth);
    if (this.#inDeclarations && token.depth === 1) this.#declaredSafe.beginItem();
    if (this.#frame.contentItemsOf !== undefined) this.#collected = new ContentItem(token);
    else this.#enterItem(token, this.#frame.mode);
  }

  #enterItem(token: ItemStartToken, mode: Mode): void {
    const sequence = this.#frame;
    if (sequence.unwritten !== undefined) {
      sequence.length = this.#open(sequence.unwritten);
      sequence.unwritten = undefined;
    }
    this.#frames.push(sequence);
    this.#frame = {
      length: this.#open(token),
      mode,
      encoding: token.encoding,
      types: sequence.types,
      contentItemsOf: undefined,
      unwritten: undefined,
      place: sequence.place,
    };
  }

  #enter(token: SequenceStartToken, mode: Mode): void {
    const { tag } = token;
    const hasContentItems = mode === 'cleaned' && contentSequences.has(tag);
    const { types, place } = this.#frame;
    this.#frames.push(this.#frame);
    this.#frame = {
      // A sequence of which all items may go is written with the first that stays.
      length: hasContentItems ? undefined : this.#open(token),
      mode,
      encoding: token.encoding,
      types: types && (types.items.get(tag) ?? noItems),
      contentItemsOf: hasContentItems ? tag : undefined,
      unwritten: hasContentItems ? token : undefined,
      place: place.inItemsOf(tag, this.#creator),
    };
  }

  #open({ bytes, length, encoding }: SequenceStartToken | ItemStartToken): OpenLength | undefined {
    if (length !== undefined) return this.#output.openLength(bytes, encoding.littleEndian);
    this.#output.write(bytes);
    return undefined;
  }

  #leave(delimiter: Uint8Array, encodeDelimiter: (encoding: ElementEncoding) => Uint8Array): void {
    const { length, encoding, unwritten } = this.#frame;
    this.#frame = this.#frames.pop()!;
    if (unwritten !== undefined) this.#writeWithoutItems(unwritten);
    else if (length === undefined) this.#output.write(delimiter);
    else if (!this.#output.closeLength(length)) this.#output.write(encodeDelimiter(encoding));
  }

  /** A sequence of content items had none, or none that stays: one of these must not be empty (PS3.3 §C.17.3). */
  #writeWithoutItems({ tag }: SequenceStartToken): void {
    if (tag === Tags.ContentSequence) this.#count('removed', tag);
    else this.#output.write(encodeElementHeader(tag, 'SQ', 0, this.#frame.encoding));
  }

  /** A sequence of the data set itself ends: what is ours goes in behind its items. */
  #endSequenceOfDataset(encoding: ElementEncoding): void {
    this.#inDeclarations = false;
    if (!this.#inMethodCodes) return;
    this.#inMethodCodes = false;
    const missing = this.#methods.filter(({ code }) => !this.#methodsFound.has(code));
    if (missing.length > 0) {
      this.#report.count('added', this.#frames[0]!.place, Tags.DeidentificationMethodCodeSequence);
    }
    this.#output.write(encodeMethodItems(missing, encoding));
  }

  // What is collected before it is written

  #collect(collected: ContentItem | PrivateGroup, token: Token): void {
    if (
      collected instanceof PrivateGroup &&
      (token.kind === 'bulk-start' || token.kind === 'fragments-start')
    ) {
      // Nobody looks into a private value of this length.
      this.#remove(token.tag, 'TOO_LONG');
      this.#skipper.begin(token);
      return;
    }
    collected.take(token);
  }

  #finishCollected(): void {
    const collected = this.#collected!;
    this.#collected = undefined;
    if (collected instanceof PrivateGroup) this.#writePrivateGroup(collected);
    else this.#writeContentItem(collected);
  }

  #writeContentItem(item: ContentItem): void {
    const { scheme, code, valueType, start } = item;
    const action = item.isOverlong ? 'D' : this.#profile.contentAction(scheme, code, valueType);
    if (action === 'X' || action === 'Z') {
      this.#report.count('removed', this.#frames.at(-1)!.place, this.#frame.contentItemsOf!);
      this.#skipper.begin(start);
      return;
    }
    this.#enterItem(start, action === 'D' ? 'dummies' : 'cleaned');
    for (const token of item.tokens) this.take(token);
  }

  #takePrivate(token: ElementToken | SequenceStartToken): void {
    this.#collected = new PrivateGroup(token.tag, token.depth);
    this.#collect(this.#collected, token);
  }

  /** Writes of a private group what stays, and the creators of the blocks of which something does. */
  #writePrivateGroup(group: PrivateGroup): void {
    const creators = group.creators();
    const kept: { block: number; write: () => void }[] = [];
    for (const tokens of group.elements) {
      const [first] = tokens as [ElementToken | SequenceStartToken];
      const { tag } = first;
      if (isPrivateCreator(tag)) continue;
      const block = tagElement(tag) >>> 8;
      const creator = creators.get(block);
      const rule =
        creator === undefined || creator === ''
          ? this.#profile.ruleFor(tag)
          : this.#profile.privateRuleFor(
              creator,
              tag,
              first.kind === 'sequence-start' ? 'SQ' : first.vr,
              this.#declaredSafe.has(creator, tag),
            );
      const write = this.#privateWriter(first, tokens, rule);
      this.#creator = undefined;
      if (write !== undefined) kept.push({ block, write });
    }
    for (const tag of group.leftOut) this.#remove(tag, 'TOO_LONG');
    const blocks = new Set(kept.map(({ block }) => block));
    for (const [token] of group.elements) {
      if (token?.kind !== 'element' || !isPrivateCreator(token.tag)) continue;
      const block = tagElement(token.tag);
      if (blocks.delete(block)) this.#pass(token, 'LO');
      else this.#count('removed', token.tag);
    }
    for (const { write } of kept) write();
  }

  /** How a private element is written; undefined where nothing of it is. */
  #privateWriter(
    first: ElementToken | SequenceStartToken,
    tokens: readonly Token[],
    rule: Rule,
  ): (() => void) | undefined {
    if (rule.heldBack !== undefined) throw new HeldBackError(rule.heldBack);
    this.#creator = rule.creator;
    if (rule.action === 'X') {
      this.#count('removed', first.tag);
      return undefined;
    }
    if (first.kind === 'sequence-start') return this.#privateSequenceWriter(first, tokens, rule);
    if (first.vr === 'UN' && rule.vr === 'SQ' && first.value.length > 0) {
      try {
        const [start, ...hidden] = hiddenSequence(first) as [SequenceStartToken, ...Token[]];
        return this.#privateSequenceWriter(start, [start, ...hidden], rule);
      } catch {
        return this.#unresolved(first);
      }
    }
    // Of a value of which nobody knows the VR nothing is known.
    if (first.vr === 'UN' && rule.vr === undefined && rule.recipeRule === undefined) {
      return this.#unresolved(first);
    }
    this.#aside = [];
    this.#edit(first, rule);
    const bytes = this.#aside;
    this.#aside = undefined;
    if (bytes.length === 0) return undefined;
    return () => {
      for (const part of bytes) this.#emit(part);
    };
  }

  #unresolved({ tag }: { tag: Tag }): undefined {
    this.#remove(tag, 'UNREADABLE');
  }

  #privateSequenceWriter(
    start: SequenceStartToken,
    tokens: readonly Token[],
    rule: Rule,
  ): (() => void) | undefined {
    if (rule.vr !== undefined && rule.vr !== 'SQ') return this.#unresolved(start);
    return () => {
      this.#creator = rule.creator;
      this.#editSequence(start, rule);
      this.#creator = undefined;
      for (const token of tokens.slice(1)) this.take(token);
    };
  }

  // Long values

  #takeBulk(token: BulkStartToken | FragmentsStartToken): void {
    const { tag } = token;
    if (token.depth === 0) {
      this.#insertBefore(tag);
      const own = this.#takesPlaceOf(tag);
      if (own !== undefined || this.#ownTags.has(tag)) {
        if (own !== undefined) this.#insert(own, token);
        else this.#count('removed', tag);
        this.#skipper.begin(token);
        return;
      }
    }
    if (isPrivate(tag)) {
      this.#remove(tag, 'TOO_LONG');
      this.#skipper.begin(token);
      return;
    }
    const rule = this.#profile.ruleFor(tag, this.#frame.types);
    if (rule.heldBack !== undefined) throw new HeldBackError(rule.heldBack);
    const vr = token.vr === 'UN' ? (rule.vr ?? 'UN') : token.vr;
    const action = this.#actionInFrame(rule, tag, vr);
    const isText = vrForm(vr) === 'text';
    const isNumbers = vr === 'DS' || vr === 'IS';
    const isReadable = rule.vr !== undefined && vrForm(rule.vr) !== 'sequence';
    if (action === 'K' && isReadable && (!isText || isNumbers)) {
      this.#bulk = isNumbers ? 'numbers' : 'copied';
      this.#count(this.#options.cleansPixels && tag === Tags.PixelData ? 'cleaned' : 'kept', tag);
      this.#output.write(token.bytes);
      return;
    }
    this.#skipper.begin(token);
    if (action === 'Z') {
      this.#count('emptied', tag);
      this.#output.write(encodeElementHeader(tag, vr, 0, this.#frame.encoding));
    } else if (action === 'D' || ((action === 'K' || action === 'C') && isText && isReadable)) {
      // Nobody looks into a text of this length: one that is to stay becomes a dummy as well.
      if (action !== 'D') this.#report.remark('TOO_LONG', tag);
      this.#count('replaced', tag);
      this.#write(tag, vr, this.#dummies.bytes(vr));
    } else {
      this.#count('removed', tag);
      if (action !== 'X') this.#report.remark(vr === 'UI' ? 'TOO_LONG' : 'UNREADABLE', tag);
    }
  }

  #checkNumbers(bytes: Uint8Array): void {
    if (!isNumeric(bytes)) throw new HeldBackError('A long list of numbers has something else in it.');
  }

  // Elements that are there afterwards whether they were before or not

  /** Inserts what belongs before a tag. */
  #insertBefore(tag: Tag): void {
    for (;;) {
      const own = this.#own[this.#nextOwn];
      if (own === undefined || own.tag >= tag) return;
      this.#nextOwn++;
      this.#insert(own, undefined);
    }
  }

  /** The element of ours that stands in the place of this one: of several alike, in that of the first. */
  #takesPlaceOf(tag: Tag): OwnElement | undefined {
    const own = this.#own[this.#nextOwn];
    if (own?.tag !== tag) return undefined;
    this.#nextOwn++;
    return own;
  }

  #insert({ tag, vr, text }: OwnElement, original: Token | undefined): void {
    this.#count(original === undefined ? 'added' : 'replaced', tag);
    if (text !== undefined) {
      this.#write(tag, vr, this.#encodedText(text, vr));
    } else if (tag === Tags.DeidentificationMethod) {
      this.#write(tag, vr, this.#methodValue(original));
    } else if (tag === Tags.PatientComments) {
      this.#write(tag, vr, this.#encodedText(this.#xnatComments(), vr));
    } else {
      this.#writeMethodCodes();
    }
  }

  #encodedText(text: string, vr: Vr, depth = 0): Uint8Array {
    const bytes = this.#characterSets.at(depth).encode(text, vr);
    if (bytes === undefined) {
      throw new HeldBackError('Its character set lacks a character of the pseudonym or the recipe.');
    }
    return bytes;
  }

  /** What XNAT sorts by (see the recipe's `trial.patientComments`). */
  #xnatComments(): string {
    const { pseudonym } = this.#options.subject;
    const project = this.#profile.recipe.trial?.protocolId ?? '';
    const session = `${pseudonym}_${this.#studyDate}-${this.#studyTime}`;
    return `Project:${project} Subject:${pseudonym} Session:${session}`;
  }

  /** Earlier values of (0012,0063) stay, as those of (0012,0064) do. */
  #methodValue(original: Token | undefined): Uint8Array {
    const characterSet = this.#characterSets.at(0);
    const texts = methodTexts(this.#methods);
    const own = latin1Bytes(texts.join('\\'));
    if (original?.kind !== 'element' || original.value.length > 1024) return own;
    const earlier = textOfValue(original.value, 'LO', characterSet)
      .split('\\')
      .map(trimmed)
      .filter((text) => text !== '' && !texts.includes(text) && !this.#identifiers.in(text));
    return characterSet.encode([...earlier, ...texts].join('\\'), 'LO') ?? own;
  }

  #writeMethodCodes(): void {
    const { encoding } = this.#options;
    const items = encodeMethodItems(this.#methods, encoding);
    const tag = Tags.DeidentificationMethodCodeSequence;
    this.#output.write(encodeElementHeader(tag, 'SQ', items.length, encoding));
    this.#output.write(items);
  }
}

/** An attribute of a code (PS3.3 Table 8.8-1). */
function isCodeAttribute(tag: Tag): boolean {
  return tag >= 0x00080100 && tag <= 0x00080123;
}
