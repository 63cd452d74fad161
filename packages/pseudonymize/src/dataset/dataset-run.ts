import {
  createElementReader,
  type ElementEncoding,
  type ElementToken,
  encodeElement,
  encodeElementHeader,
  HeldBackError,
  isPrivate,
  type Tag,
  Tags,
  type Token,
  TransferSyntax,
} from '@adit/core';
import { HeaderIdentifiers } from '../identifiers/header-identifiers.ts';
import type { IdentifierTexts, PatientIdentifiers } from '../identifiers/patient-identifiers.ts';
import { ruleFor } from '../profile/rule.ts';
import { type PseudonymizationReport, remark } from '../report.ts';
import { DatasetEditor, type DatasetEditorOptions } from './dataset-editor.ts';
import { Skipper } from './skipper.ts';

export interface DatasetRunOptions extends Omit<DatasetEditorOptions, 'identifiers' | 'pseudonym'> {
  search: (texts: IdentifierTexts) => PatientIdentifiers;
  /** The pseudonym of the patient whose identifiers these are. */
  pseudonymOf: (header: HeaderIdentifiers) => string;
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
  readonly #identifiers = new HeaderIdentifiers();
  #header: Token[] = [];
  #headerCost = 0;
  /** Group of the element of the data set that began last. */
  #group = 0;
  #hasInstanceUid = false;
  #editor: DatasetEditor | undefined;

  constructor(options: DatasetRunOptions) {
    this.#options = options;
    this.#report = options.report;
  }

  take(token: Token): void {
    if (this.#skipper.skips(token)) return;
    switch (token.kind) {
      case 'element':
        if (isPrivate(token.tag)) this.#removePrivate();
        else if (token.vr === 'UN' && token.value.length > 0 && ruleFor(token.tag).vr === 'SQ') {
          this.#takeHiddenSequence(token);
        } else this.#pass(token);
        break;
      case 'sequence-start':
      case 'bulk-start':
      case 'fragments-start':
        if (isPrivate(token.tag)) {
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
    const rule = ruleFor(token.tag);
    if (rule.heldBack !== undefined) throw new HeldBackError(rule.heldBack);
    this.#report.counts.removed++;
    if (rule.action !== 'X') remark(this.#report, 'TOO_LONG', token.tag);
    this.#skipper.begin(token);
  }

  #beginEditing(): DatasetEditor {
    if (this.#editor !== undefined) return this.#editor;
    if (!this.#hasInstanceUid) throw new HeldBackError('It has no SOP Instance UID where one belongs.');
    const { search, pseudonymOf, maxHeader: _, ...options } = this.#options;
    const editor = new DatasetEditor({
      ...options,
      identifiers: this.#identifiers.collected(search),
      pseudonym: pseudonymOf(this.#identifiers),
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

const implicitLittleEndian: ElementEncoding = { explicitVr: false, littleEndian: true };

function hiddenSequence({ tag, value, depth, encoding }: ElementToken): Token[] {
  const reader = createElementReader({ transferSyntaxUid: TransferSyntax.ImplicitVrLittleEndian });
  const bytes = encodeElement(tag, 'SQ', value, implicitLittleEndian);
  const tokens: Token[] = [];
  for (const token of [...reader.push(bytes), ...reader.end()]) tokens.push(atDepth(token, depth));
  const [start] = tokens;
  if (start?.kind !== 'sequence-start') throw new HeldBackError('An element of VR UN holds no sequence.');
  tokens[0] = { ...start, vr: 'UN', encoding, bytes: encodeElementHeader(tag, 'UN', value.length, encoding) };
  return tokens;
}

/** The same token so much deeper. Its members may be getters, which spreading would lose. */
function atDepth(token: Token, depth: number): Token {
  const moved: Record<string, unknown> = {};
  for (const member of ['kind', 'encoding', 'tag', 'vr', 'length', 'index', 'bytes', 'value'] as const) {
    moved[member] = (token as unknown as Record<string, unknown>)[member];
  }
  moved.depth = token.depth + depth;
  return moved as unknown as Token;
}
