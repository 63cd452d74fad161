import {
  type ElementToken,
  HeldBackError,
  isElementStart,
  isPrivate,
  type Tag,
  Tags,
  type Token,
  vrOf,
} from '@adit/core';
import { HeaderIdentifiers } from '../identifiers/header-identifiers.ts';
import type { IdentifierTexts, PatientIdentifiers } from '../identifiers/patient-identifiers.ts';
import { type PixelCleaner, pixelCleanerFor } from '../pixels/pixel-cleaner.ts';
import { PixelHeader } from '../pixels/pixel-header.ts';
import type { Profile } from '../profile/profile.ts';
import type { RecipeProfiles } from '../profile/recipe-profiles.ts';
import type { ReportWriter } from '../report.ts';
import type { ReportPlace } from '../report-place.ts';
import { DatasetEditor, type DatasetEditorOptions } from './dataset-editor.ts';
import { hiddenSequence } from './hidden-sequence.ts';
import type { Subject } from './own-elements.ts';
import { Skipper } from './skipper.ts';

export interface DatasetRunOptions
  extends Omit<DatasetEditorOptions, 'identifiers' | 'subject' | 'profile' | 'cleansPixels'> {
  profiles: RecipeProfiles;
  search: (texts: IdentifierTexts) => PatientIdentifiers;
  /** What stands for the patient whose identifiers these are. */
  subjectOf: (header: HeaderIdentifiers, profile: Profile) => Subject;
  transferSyntaxUid: string;
  /** Most memory for a header before its editing begins, in bytes. */
  maxHeader: number;
}

/** Pixels of whatever kind (PS3.3 §C.7.6.3, §C.7.6.24, §C.7.6.25). */
const pixelData: ReadonlySet<Tag> = new Set([Tags.PixelData, Tags.FloatPixelData, Tags.DoubleFloatPixelData]);

const offsetTables: ReadonlySet<Tag> = new Set([Tags.ExtendedOffsetTable, Tags.ExtendedOffsetTableLengths]);

/** The patient's identifiers are known when the groups after this one begin. */
const lastIdentifyingGroup = 0x0010;

/** What a token costs in memory besides its bytes. */
const tokenCost = 128;

/**
 * One data set on its way: its header is collected, then edited with all the identifiers in it known, then everything
 * else is edited as it comes.
 *
 * The header ends where the first long value begins, or where it has used up its memory.
 */
export class DatasetRun {
  readonly #options: DatasetRunOptions;
  readonly #report: ReportWriter;
  readonly #skipper = new Skipper();
  readonly #identifiers: HeaderIdentifiers;
  /** Where the report has the elements that come, the data set first. */
  readonly #places: ReportPlace[];
  #header: Token[] = [];
  #headerCost = 0;
  /** Tag and group of the element of the data set that began last. */
  #lastTag: Tag = 0;
  #group = 0;
  #hasInstanceUid = false;
  #editor: DatasetEditor | undefined;
  /** What the header says of the pixels, where the recipe has them cleaned. */
  readonly #pixelHeader: PixelHeader | undefined;
  #pixelCleaner: PixelCleaner | undefined;
  #pixelsDecided = false;
  #inPixels = false;
  #hadPixels = false;
  #ended = false;

  constructor(options: DatasetRunOptions) {
    this.#options = options;
    this.#report = options.report;
    this.#places = [options.place];
    this.#identifiers = new HeaderIdentifiers({
      uids: !options.profiles.any.has('retainUids'),
      asked: options.profiles.asked,
    });
    if (options.profiles.any.has('cleanPixelData')) this.#pixelHeader = new PixelHeader();
  }

  take(token: Token): void {
    if (this.#skipper.skips(token)) return;
    if (this.#pixelHeader !== undefined && this.#takesPixels(token, this.#pixelHeader)) return;
    switch (token.kind) {
      case 'element':
        if (this.#leavesOut(token)) this.#count(token.tag);
        else if (token.vr === 'UN' && token.value.length > 0 && vrOf(token.tag) === 'SQ') {
          this.#takeHiddenSequence(token);
        } else this.#pass(token);
        break;
      case 'sequence-start':
      case 'bulk-start':
      case 'fragments-start':
        if (this.#leavesOut(token)) {
          this.#count(token.tag);
          this.#skipper.begin(token);
          break;
        }
        if (token.kind === 'sequence-start') this.#places.push(this.#places.at(-1)!.inItemsOf(token.tag));
        this.#pass(token);
        break;
      case 'sequence-end':
        this.#places.pop();
        this.#pass(token);
        break;
      default:
        this.#pass(token);
    }
  }

  /** No token is left. */
  end(): void {
    this.#ended = true;
    const editor = this.#beginEditing();
    if (this.#pixelCleaner !== undefined && !this.#hadPixels) {
      throw new HeldBackError('Its pixels were to be cleaned, and it has none.');
    }
    editor.end();
  }

  /** Has the pixels cleaned. Returns whether the token was dealt with. */
  #takesPixels(token: Token, header: PixelHeader): boolean {
    if (this.#editor === undefined) header.take(token);
    if (token.depth > 0) return false;
    if (isElementStart(token)) {
      this.#inPixels = pixelData.has(token.tag) && token.kind !== 'sequence-start';
      if (this.#inPixels) this.#enterPixels(token.tag);
    }
    if (!this.#inPixels || this.#pixelCleaner === undefined) return false;
    const cleaned = this.#pixelCleaner.take(token);
    if (cleaned !== undefined) this.#pass(cleaned);
    return true;
  }

  #enterPixels(tag: Tag): void {
    if (this.#hadPixels) throw new HeldBackError('It has pixel data more than once.');
    this.#hadPixels = true;
    this.#enterGroup(tag);
    this.#beginEditing();
    if (!this.#pixelsDecided) {
      throw new HeldBackError('Its header is too long to tell what is to be cleaned in its pixels.');
    }
  }

  /**
   * Whether pixels are cleaned is stamped in the header, so it is decided where editing begins, by what came before. That is
   * enough when the attributes that tell of pixels are among it.
   */
  #decidePixels(): void {
    const header = this.#pixelHeader;
    const mayHavePixels = this.#hadPixels || (!this.#ended && header?.number(Tags.Rows) !== undefined);
    if (header === undefined || !mayHavePixels || this.#lastTag <= Tags.BurnedInAnnotation) return;
    this.#pixelsDecided = true;
    this.#pixelCleaner = pixelCleanerFor(header, {
      sopClassUid: this.#options.sopClassUid,
      transferSyntaxUid: this.#options.transferSyntaxUid,
      masks: this.#options.profiles.any.recipe.pixelMasks ?? [],
    });
  }

  /** Offsets of frames whose lengths change mean nothing any more. */
  #isStale(token: Token): token is Token & { tag: Tag } {
    return (
      this.#pixelCleaner?.movesFrames === true &&
      isElementStart(token) &&
      token.depth === 0 &&
      offsetTables.has(token.tag)
    );
  }

  /** Is the element private, and are none of these kept? */
  #leavesOut({ tag }: { tag: Tag }): boolean {
    return isPrivate(tag) && !this.#options.profiles.any.keepsPrivate;
  }

  /** Tells that an element goes. */
  #count(tag: Tag): void {
    this.#report.count('removed', this.#places.at(-1)!, tag);
  }

  #pass(token: Token): void {
    if (this.#editor === undefined) this.#collect(token);
    else this.#edit(this.#editor, token);
  }

  #edit(editor: DatasetEditor, token: Token): void {
    if (!this.#isStale(token)) editor.take(token);
    else {
      this.#count(token.tag);
      this.#skipper.begin(token);
    }
  }

  #collect(token: Token): void {
    switch (token.kind) {
      case 'element':
        if (token.depth === 0) this.#enterGroup(token.tag);
        if (token.depth === 0 && token.tag === Tags.SOPInstanceUID) this.#hasInstanceUid = true;
        this.#headerCost += token.value.length;
        break;
      case 'sequence-start':
        if (token.depth === 0) this.#enterGroup(token.tag);
        break;
      case 'bulk-start':
      case 'fragments-start':
        if (token.depth === 0) this.#enterGroup(token.tag);
        if (this.#group > lastIdentifyingGroup) this.#beginEditing().take(token);
        else this.#removeLong(token);
        return;
    }
    this.#identifiers.take(token);
    this.#header.push(token);
    this.#headerCost += tokenCost;
    if (this.#headerCost > this.#options.maxHeader) {
      if (this.#group <= lastIdentifyingGroup) {
        throw new HeldBackError('Its header is too long to be read up to the attributes of the patient.');
      }
      this.#beginEditing();
    }
  }

  #enterGroup(tag: Tag): void {
    this.#lastTag = tag;
    this.#group = tag >>> 16;
  }

  /** No attribute up to the patient's has a value that is both long and worth keeping. */
  #removeLong(token: Token & { tag: Tag }): void {
    const rule = this.#options.profiles.any.ruleFor(token.tag);
    if (rule.heldBack !== undefined) throw new HeldBackError(rule.heldBack);
    this.#count(token.tag);
    if (rule.action !== 'X') this.#report.remark('TOO_LONG', token.tag);
    this.#skipper.begin(token);
  }

  #beginEditing(): DatasetEditor {
    if (this.#editor !== undefined) return this.#editor;
    if (!this.#hasInstanceUid) throw new HeldBackError('It has no SOP Instance UID where one belongs.');
    this.#decidePixels();
    const { search, subjectOf, profiles, maxHeader: _, ...options } = this.#options;
    const profile = profiles.of(this.#identifiers.asked);
    const editor = new DatasetEditor({
      ...options,
      profile,
      identifiers: this.#identifiers.collected(search),
      subject: subjectOf(this.#identifiers, profile),
      cleansPixels: this.#pixelCleaner !== undefined,
    });
    for (const token of this.#header) this.#edit(editor, token);
    this.#header = [];
    this.#editor = editor;
    return editor;
  }

  /**
   * A sequence in an element of VR UN and of a defined length: its items are in implicit VR little endian, as whoever did
   * not know its VR left them (PS3.5 §6.2.2).
   */
  #takeHiddenSequence(element: ElementToken): void {
    let tokens: Token[];
    try {
      tokens = hiddenSequence(element);
    } catch {
      this.#count(element.tag);
      this.#report.remark('UNREADABLE', element.tag);
      return;
    }
    for (const token of tokens) this.take(token);
  }
}
