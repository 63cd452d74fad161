import { type ElementToken, HeldBackError, isPrivate, type Tag, Tags, type Token, vrOf } from '@adit/core';
import { HeaderIdentifiers } from '../identifiers/header-identifiers.ts';
import type { IdentifierTexts, PatientIdentifiers } from '../identifiers/patient-identifiers.ts';
import type { Profile } from '../profile/profile.ts';
import type { RecipeProfiles } from '../profile/recipe-profiles.ts';
import { type PseudonymizationReport, remark } from '../report.ts';
import { DatasetEditor, type DatasetEditorOptions } from './dataset-editor.ts';
import { hiddenSequence } from './hidden-sequence.ts';
import type { Subject } from './own-elements.ts';
import { Skipper } from './skipper.ts';

export interface DatasetRunOptions extends Omit<DatasetEditorOptions, 'identifiers' | 'subject' | 'profile'> {
  profiles: RecipeProfiles;
  search: (texts: IdentifierTexts) => PatientIdentifiers;
  /** What stands for the patient whose identifiers these are. */
  subjectOf: (header: HeaderIdentifiers, profile: Profile) => Subject;
  /** Most memory for a header before its editing begins, in bytes. */
  maxHeader: number;
}

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
  readonly #report: PseudonymizationReport;
  readonly #skipper = new Skipper();
  readonly #identifiers: HeaderIdentifiers;
  #header: Token[] = [];
  #headerCost = 0;
  /** Group of the element of the data set that began last. */
  #group = 0;
  #hasInstanceUid = false;
  #editor: DatasetEditor | undefined;

  constructor(options: DatasetRunOptions) {
    this.#options = options;
    this.#report = options.report;
    this.#identifiers = new HeaderIdentifiers({
      uids: !options.profiles.any.has('retainUids'),
      asked: options.profiles.asked,
    });
  }

  take(token: Token): void {
    if (this.#skipper.skips(token)) return;
    switch (token.kind) {
      case 'element':
        if (this.#leavesOut(token)) this.#removePrivate();
        else if (token.vr === 'UN' && token.value.length > 0 && vrOf(token.tag) === 'SQ') {
          this.#takeHiddenSequence(token);
        } else this.#pass(token);
        break;
      case 'sequence-start':
      case 'bulk-start':
      case 'fragments-start':
        if (this.#leavesOut(token)) {
          this.#removePrivate();
          this.#skipper.begin(token);
        } else this.#pass(token);
        break;
      default:
        this.#pass(token);
    }
  }

  /** No token is left. */
  end(): void {
    this.#beginEditing().end();
  }

  /** Is the element private, and are none of these kept? */
  #leavesOut({ tag }: { tag: Tag }): boolean {
    return isPrivate(tag) && !this.#options.profiles.any.keepsPrivate;
  }

  #removePrivate(): void {
    this.#report.counts.removed++;
    this.#report.counts.removedPrivate++;
  }

  #pass(token: Token): void {
    if (this.#editor === undefined) this.#collect(token);
    else this.#editor.take(token);
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
    this.#group = tag >>> 16;
  }

  /** No attribute up to the patient's has a value that is both long and worth keeping. */
  #removeLong(token: Token & { tag: Tag }): void {
    const rule = this.#options.profiles.any.ruleFor(token.tag);
    if (rule.heldBack !== undefined) throw new HeldBackError(rule.heldBack);
    this.#report.counts.removed++;
    if (rule.action !== 'X') remark(this.#report, 'TOO_LONG', token.tag);
    this.#skipper.begin(token);
  }

  #beginEditing(): DatasetEditor {
    if (this.#editor !== undefined) return this.#editor;
    if (!this.#hasInstanceUid) throw new HeldBackError('It has no SOP Instance UID where one belongs.');
    const { search, subjectOf, profiles, maxHeader: _, ...options } = this.#options;
    const profile = profiles.of(this.#identifiers.asked);
    const editor = new DatasetEditor({
      ...options,
      profile,
      identifiers: this.#identifiers.collected(search),
      subject: subjectOf(this.#identifiers, profile),
    });
    for (const token of this.#header) editor.take(token);
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
      this.#report.counts.removed++;
      remark(this.#report, 'UNREADABLE', element.tag);
      return;
    }
    for (const token of tokens) this.take(token);
  }
}
