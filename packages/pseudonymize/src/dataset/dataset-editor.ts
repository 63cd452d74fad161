import {
  type BulkStartToken,
  type ElementEncoding,
  type ElementToken,
  encodeElement,
  encodeElementHeader,
  encodeItemDelimiter,
  encodeSequenceDelimiter,
  type FragmentsStartToken,
  HeldBackError,
  type ItemStartToken,
  type SequenceStartToken,
  type Tag,
  Tags,
  type Token,
  type Vr,
  vrForm,
} from '@adit/core';
import type { InstanceIdentifiers } from '../identifiers/instance-identifiers.ts';
import { endOfValue, latin1Bytes, latin1Text, textOfValue, trimmed } from '../identifiers/text.ts';
import type { UidMapper } from '../keys/uid-mapper.ts';
import type { Action } from '../profile/action.ts';
import { type Dummies, dummiesWithout } from '../profile/dummy.ts';
import { type Rule, ruleFor } from '../profile/rule.ts';
import { type PseudonymizationReport, type RemarkCode, remark } from '../report.ts';
import { CharacterSets } from './character-sets.ts';
import type { DatasetOutput, OpenLength } from './dataset-output.ts';
import { isNumeric, keptValue } from './kept-value.ts';
import { Skipper } from './skipper.ts';
import {
  basicProfileCode,
  concatenated,
  encodeCodeItem,
  encodeMethodItem,
  insertedElements,
  insertedTags,
  methodText,
} from './stamps.ts';

export interface DatasetEditorOptions {
  output: DatasetOutput;
  report: PseudonymizationReport;
  /** How the elements of the data set itself are encoded. */
  encoding: ElementEncoding;
  uids: UidMapper;
  /** What no kept value may hold. */
  identifiers: InstanceIdentifiers;
  /** Patient ID and Patient's Name to be. */
  pseudonym: string;
  /** As the network or the file meta information say them. */
  sopClassUid: string;
  sopInstanceUid: string;
}

/** A sequence or an item that is being written. */
interface Frame {
  /** Undefined where it had no length before either. */
  length: OpenLength | undefined;
  /** Values in it become dummies: it is in a sequence whose action is D. */
  dummies: boolean;
  /** Encoding of the elements in it. */
  encoding: ElementEncoding;
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

/** Numbers of structured content and graphics, which in a sequence whose action is D become zeros. */
const dummyNumbers: ReadonlySet<Tag> = new Set([
  0x0040a161, // Floating Point Value
  0x0040a162, // Rational Numerator Value
  0x00700022, // Graphic Data
]);

/**
 * Applies the Basic Profile to the tokens of one data set and writes what comes out of it.
 *
 * Elements that stay as they are keep their bytes; enclosing lengths are set anew. The identifiers to look for must be
 * known before the first token, for the name of a patient may stand in an element before (0010,0010).
 */
export class DatasetEditor {
  readonly #options: DatasetEditorOptions;
  readonly #output: DatasetOutput;
  readonly #report: PseudonymizationReport;
  readonly #identifiers: InstanceIdentifiers;
  readonly #dummies: Dummies;
  readonly #characterSets = new CharacterSets();
  readonly #skipper = new Skipper();
  readonly #frames: Frame[] = [];
  #frame: Frame;
  /** What becomes of the chunks of the long value that is open. */
  #bulk: 'copied' | 'numbers' = 'copied';
  /** Which of `insertedElements` is to come next. */
  #nextInsert = 0;
  /** Is (0012,0064) open, and did it have the item we would add? */
  #inMethodCodes = false;
  #hasMethodCode = false;

  constructor(options: DatasetEditorOptions) {
    this.#options = options;
    this.#output = options.output;
    this.#report = options.report;
    this.#identifiers = options.identifiers;
    this.#dummies = dummiesWithout((text) => options.identifiers.patient.in(text));
    this.#frame = { length: undefined, dummies: false, encoding: options.encoding };
  }

  take(token: Token): void {
    if (this.#skipper.skips(token)) return;
    switch (token.kind) {
      case 'element':
        this.#takeElement(token);
        break;
      case 'sequence-start':
        this.#takeSequence(token);
        break;
      case 'item-start':
        this.#enterItem(token);
        break;
      case 'item-end':
        this.#leave(token.bytes, encodeItemDelimiter);
        break;
      case 'sequence-end':
        if (token.depth === 0) this.#endMethodCodes(token.encoding);
        this.#leave(token.bytes, encodeSequenceDelimiter);
        break;
      case 'bulk-start':
      case 'fragments-start':
        this.#takeBulk(token);
        break;
      case 'bulk-chunk':
        if (this.#bulk === 'numbers') this.#checkNumbers(token.bytes);
        this.#output.write(token.bytes);
        break;
      default:
        // What is left of long values and fragments.
        this.#output.write(token.bytes);
    }
  }

  /** No token is left. */
  end(): void {
    this.#insertBefore(Number.POSITIVE_INFINITY);
    this.#report.instances += 1;
  }

  // Elements

  #takeElement(token: ElementToken): void {
    const { tag } = token;
    if (token.depth === 0 && this.#takeOwn(token)) return;

    const { value } = token;
    const rule = ruleFor(tag);
    const vr = token.vr === 'UN' ? (rule.vr ?? 'UN') : token.vr;
    if (rule.heldBack !== undefined && value.length > 0) throw new HeldBackError(rule.heldBack);
    if (rule.vr === 'SQ' && rule.action !== 'X' && rule.action !== 'Z') {
      // No sequence: there is nothing in it, or nobody knows what.
      if (value.length > 0) this.#remove(tag, 'UNREADABLE');
      else this.#output.write(token.bytes);
      return;
    }
    switch (this.#actionInFrame(rule.action, tag, vr)) {
      case 'X':
        this.#report.counts.removed++;
        break;
      case 'Z':
        this.#report.counts.emptied++;
        this.#output.write(encodeElementHeader(tag, vr, 0, this.#frame.encoding));
        break;
      case 'D':
        this.#replace(token, vr);
        break;
      case 'U':
        this.#mapUids(token, vr);
        break;
      case 'K':
        this.#keep(token, rule, vr);
    }
  }

  /** Elements of the data set that are ours to set or to check. Returns whether the token was dealt with. */
  #takeOwn(token: ElementToken): boolean {
    const { tag } = token;
    this.#insertBefore(tag);
    if (this.#takesInsert(tag)) {
      this.#insert(tag, token);
      return true;
    }
    // One that comes twice or out of order.
    if (insertedTags.has(tag)) return true;
    if (tag === Tags.SOPInstanceUID) {
      const uid = trimmed(latin1Text(token.value));
      if (uid !== this.#options.sopInstanceUid) {
        throw new HeldBackError('Its SOP Instance UID is not the one it was announced with.');
      }
    } else if (tag === Tags.SOPClassUID) {
      // Names a private SOP class where it is not registered: the object could not be stored under another.
      if (trimmed(latin1Text(token.value)) !== this.#options.sopClassUid) return false;
      this.#output.write(this.#verbatim(token, 'UI'));
      return true;
    }
    return false;
  }

  /** In a sequence whose action is D, what is kept elsewhere becomes a dummy too, where it may say something. */
  #actionInFrame(action: Action, tag: Tag, vr: Vr): Action {
    if (action !== 'K' || !this.#frame.dummies) return action;
    if (dummyNumbers.has(tag)) return 'D';
    if (!dummyVrs.has(vr)) return 'K';
    // Codes keep their form (PS3.3 Table 8.8-1): a code for a person has its sequence replaced as a whole.
    return tag >= 0x00080100 && tag <= 0x00080123 ? 'K' : 'D';
  }

  #replace(token: ElementToken, vr: Vr): void {
    const { tag } = token;
    if (vr === 'UI') {
      this.#mapUids(token, vr);
      return;
    }
    this.#report.counts.replaced++;
    const value = dummyNumbers.has(tag) ? new Uint8Array(token.value.length) : this.#dummies.bytes(vr);
    this.#write(tag, vr, value);
  }

  #mapUids(token: ElementToken, vr: Vr): void {
    const { value } = token;
    const before = latin1Text(value, 0, endOfValue(value));
    const after = before
      .split('\\')
      .map((uid) => this.#options.uids.map(trimmed(uid)))
      .join('\\');
    if (after === before) {
      this.#output.write(this.#verbatim(token, vr));
      return;
    }
    this.#report.counts.mapped++;
    this.#write(token.tag, vr, latin1Bytes(after));
  }

  #keep(token: ElementToken, rule: Rule, vr: Vr): void {
    const { tag, value } = token;
    if (tag === Tags.SpecificCharacterSet) this.#characterSets.set(token.depth, value);
    if (this.#inMethodCodes && tag === Tags.CodeValue && trimmed(latin1Text(value)) === basicProfileCode) {
      this.#hasMethodCode = true;
    }
    if (value.length === 0) {
      this.#output.write(this.#verbatim(token, vr));
      return;
    }
    switch (vr) {
      case 'PN':
      case 'DA':
      case 'DT':
      case 'TM':
        // The dictionary has another VR for it: what it is does not depend on that.
        this.#replace(token, vr);
        return;
      case 'UI':
        this.#mapUids(token, vr);
        return;
    }
    const kept = keptValue(value, vr, rule, token.vr !== 'UN', {
      characterSet: this.#characterSets.at(token.depth),
      identifiers: this.#identifiers,
      dummies: this.#dummies,
    });
    if (kept === value) {
      this.#output.write(this.#verbatim(token, vr));
    } else if (kept === undefined) {
      this.#remove(tag, 'IDENTIFIER');
    } else {
      this.#report.counts.cleaned++;
      remark(this.#report, 'IDENTIFIER', tag);
      this.#write(tag, vr, kept);
    }
  }

  #remove(tag: Tag, code: RemarkCode): void {
    this.#report.counts.removed++;
    remark(this.#report, code, tag);
  }

  #write(tag: Tag, vr: Vr, value: Uint8Array): void {
    this.#output.write(encodeElement(tag, vr, value, this.#frame.encoding));
  }

  /** The bytes of an element as they were, its header made valid where it was not. */
  #verbatim(token: ElementToken, vr: Vr): Uint8Array {
    const { bytes, encoding } = token;
    const isEncodedAlike = encoding.explicitVr === this.#frame.encoding.explicitVr;
    // `UN` is what is read where no VR of the standard stood.
    const hasVr = token.vr !== 'UN' || !encoding.explicitVr || (bytes[4] === 0x55 && bytes[5] === 0x4e);
    if (isEncodedAlike && hasVr) return bytes;
    return encodeElement(token.tag, vr, token.value, this.#frame.encoding);
  }

  // Sequences

  #takeSequence(token: SequenceStartToken): void {
    const { tag, depth } = token;
    if (depth === 0) {
      this.#insertBefore(tag);
      if (tag === Tags.DeidentificationMethodCodeSequence && this.#takesInsert(tag)) {
        this.#inMethodCodes = true;
      } else if (insertedTags.has(tag)) {
        this.#skipper.begin(token);
        return;
      }
    }
    const rule = ruleFor(tag);
    if (rule.heldBack !== undefined) throw new HeldBackError(rule.heldBack);
    const isSequence = rule.vr === undefined || rule.vr === 'SQ';
    const action =
      rule.action === 'K' && this.#frame.dummies && tag === Tags.ConceptCodeSequence ? 'D' : rule.action;
    if (action === 'X' || !isSequence) {
      this.#report.counts.removed++;
      if (action !== 'X') remark(this.#report, 'UNREADABLE', tag);
      this.#skipper.begin(token);
    } else if (action === 'Z') {
      this.#report.counts.emptied++;
      this.#output.write(encodeElementHeader(tag, 'SQ', 0, this.#frame.encoding));
      this.#skipper.begin(token);
    } else if (action === 'D' && (dummyCodes.has(tag) || tag === Tags.ConceptCodeSequence)) {
      this.#report.counts.replaced++;
      this.#writeDummyCode(tag);
      this.#skipper.begin(token);
    } else {
      if (action === 'D') this.#report.counts.replaced++;
      this.#enter(token, this.#frame.dummies || action === 'D');
    }
  }

  #writeDummyCode(tag: Tag): void {
    const { encoding } = this.#frame;
    const word = this.#dummies.text('LO');
    const item = encodeCodeItem({ value: word, scheme: '99ADIT', meaning: word }, encoding);
    this.#output.write(encodeElementHeader(tag, 'SQ', item.length, encoding));
    this.#output.write(item);
  }

  #enterItem(token: ItemStartToken): void {
    this.#characterSets.enterItem(token.depth);
    this.#enter(token, this.#frame.dummies);
  }

  #enter({ bytes, length, encoding }: SequenceStartToken | ItemStartToken, dummies: boolean): void {
    this.#frames.push(this.#frame);
    let open: OpenLength | undefined;
    if (length === undefined) this.#output.write(bytes);
    else open = this.#output.openLength(bytes, encoding.littleEndian);
    this.#frame = { length: open, dummies, encoding };
  }

  #leave(delimiter: Uint8Array, encodeDelimiter: (encoding: ElementEncoding) => Uint8Array): void {
    const { length, encoding } = this.#frame;
    this.#frame = this.#frames.pop()!;
    if (length === undefined) this.#output.write(delimiter);
    else if (!this.#output.closeLength(length)) this.#output.write(encodeDelimiter(encoding));
  }

  #endMethodCodes(encoding: ElementEncoding): void {
    if (this.#inMethodCodes && !this.#hasMethodCode) this.#output.write(encodeMethodItem(encoding));
    this.#inMethodCodes = false;
  }

  // Long values

  #takeBulk(token: BulkStartToken | FragmentsStartToken): void {
    const { tag } = token;
    if (token.depth === 0) {
      this.#insertBefore(tag);
      if (insertedTags.has(tag)) {
        this.#skipper.begin(token);
        return;
      }
    }
    const rule = ruleFor(tag);
    if (rule.heldBack !== undefined) throw new HeldBackError(rule.heldBack);
    const vr = token.vr === 'UN' ? (rule.vr ?? 'UN') : token.vr;
    const action = this.#actionInFrame(rule.action, tag, vr);
    const isText = vrForm(vr) === 'text';
    const isNumbers = vr === 'DS' || vr === 'IS';
    const isReadable = rule.vr !== undefined && vrForm(rule.vr) !== 'sequence';
    if (action === 'K' && isReadable && (!isText || isNumbers)) {
      this.#bulk = isNumbers ? 'numbers' : 'copied';
      this.#output.write(token.bytes);
      return;
    }
    this.#skipper.begin(token);
    if (action === 'Z') {
      this.#report.counts.emptied++;
      this.#output.write(encodeElementHeader(tag, vr, 0, this.#frame.encoding));
    } else if (action === 'D' || (action === 'K' && isText)) {
      // Nobody looks into a text of this length: one that is to stay becomes a dummy as well.
      if (action === 'K') remark(this.#report, 'TOO_LONG', tag);
      this.#report.counts.replaced++;
      this.#write(tag, vr, this.#dummies.bytes(vr));
    } else {
      this.#report.counts.removed++;
      if (action !== 'X') remark(this.#report, vr === 'UI' ? 'TOO_LONG' : 'UNREADABLE', tag);
    }
  }

  #checkNumbers(bytes: Uint8Array): void {
    if (!isNumeric(bytes)) throw new HeldBackError('A long list of numbers has something else in it.');
  }

  // Elements that are there afterwards whether they were before or not

  /** Inserts what belongs before a tag. */
  #insertBefore(tag: Tag): void {
    for (;;) {
      const insert = insertedElements[this.#nextInsert];
      if (insert === undefined || insert.tag >= tag) return;
      this.#nextInsert++;
      this.#insert(insert.tag, undefined);
    }
  }

  /** Does an element of ours stand in the place of this one? Of several alike, in that of the first. */
  #takesInsert(tag: Tag): boolean {
    if (insertedElements[this.#nextInsert]?.tag !== tag) return false;
    this.#nextInsert++;
    return true;
  }

  #insert(tag: Tag, original: ElementToken | undefined): void {
    switch (tag) {
      case Tags.PatientName:
        this.#write(tag, 'PN', this.#encodedPseudonym('PN'));
        break;
      case Tags.PatientID:
        this.#write(tag, 'LO', this.#encodedPseudonym('LO'));
        break;
      case Tags.DeidentificationMethod:
        this.#write(tag, 'LO', this.#methods(original));
        break;
      case Tags.DeidentificationMethodCodeSequence:
        this.#writeMethodCodes();
        break;
      default:
        this.#write(tag, 'CS', latin1Bytes(insertedElements.find((insert) => insert.tag === tag)!.code!));
    }
  }

  #encodedPseudonym(vr: Vr): Uint8Array {
    const bytes = this.#characterSets.at(0).encode(this.#options.pseudonym, vr);
    if (bytes === undefined) {
      throw new HeldBackError('Its character set lacks a character of the pseudonym.');
    }
    return bytes;
  }

  /** Earlier values of (0012,0063) stay, as those of (0012,0064) do. */
  #methods(original: ElementToken | undefined): Uint8Array {
    const characterSet = this.#characterSets.at(0);
    const own = latin1Bytes(methodText);
    if (original === undefined || original.value.length > 1024) return own;
    const earlier = textOfValue(original.value, 'LO', characterSet)
      .split('\\')
      .map(trimmed)
      .filter((text) => text !== '' && text !== methodText && !this.#identifiers.in(text));
    return characterSet.encode([...earlier, methodText].join('\\'), 'LO') ?? own;
  }

  #writeMethodCodes(): void {
    const { encoding } = this.#options;
    const item = encodeMethodItem(encoding);
    const header = encodeElementHeader(Tags.DeidentificationMethodCodeSequence, 'SQ', item.length, encoding);
    this.#output.write(concatenated([header, item]));
  }
}
