import {
  type ElementToken,
  HeldBackError,
  registeredUid,
  type Tag,
  Tags,
  type Token,
  type Vr,
  vrOf,
} from '@adit/core';
import { CharacterSets } from '../dataset/character-sets.ts';
import type { Identifier, IdentifierKind } from './identifier.ts';
import { InstanceIdentifiers } from './instance-identifiers.ts';
import type { IdentifierTexts, PatientIdentifiers } from './patient-identifiers.ts';
import { endOfValue, latin1Text, textOfValue, trimmed } from './text.ts';

/** Attributes, besides names and UIDs, that say who the patient is or lead there through a hospital's systems. */
const idTags: ReadonlySet<Tag> = new Set([
  Tags.PatientID,
  Tags.OtherPatientIDs,
  Tags.PatientAddress,
  0x00101090, // Medical Record Locator
  0x00102154, // Patient's Telephone Numbers
  0x00102155, // Patient's Telecom Information
  Tags.ClinicalTrialSubjectID,
  Tags.ClinicalTrialSubjectReadingID,
  Tags.AccessionNumber,
  Tags.StudyID,
  Tags.AdmissionID,
  0x00380060, // Service Episode ID
  Tags.RequestedProcedureID,
  Tags.ScheduledProcedureStepID,
  Tags.PerformedProcedureStepID,
  0x00402016, // Placer Order Number / Imaging Service Request
  0x00402017, // Filler Order Number / Imaging Service Request
]);

/** Attributes that say where somebody was. */
const institutionTags: ReadonlySet<Tag> = new Set([
  Tags.InstitutionName,
  0x00080081, // Institution Address
  0x00081040, // Institutional Department Name
  0x00081041, // Institutional Department Type
]);

/** Texts that are shorter say nothing of somebody: `with contrast`. */
const minText = 12;

/** Most names and numbers of one header: every kept text is searched for each of them. */
const maxIdentifiers = 2000;

/** Collects from the elements of a header what must not be seen of it afterwards. */
export class HeaderIdentifiers {
  readonly #names = new Set<string>();
  readonly #ids = new Set<string>();
  readonly #birthDates = new Set<string>();
  readonly #uids = new Set<string>();
  /** What may be kept by an option of the profile. */
  readonly #others: Identifier[] = [];
  readonly #withOthers: boolean;
  readonly #characterSets = new CharacterSets();
  #count = 0;
  /** The sequence of the data set that began last. */
  #sequence: Tag = 0;
  #sopClassUid = '';
  #issuer = '';
  #universalEntityId = '';
  #patientId = '';
  #birthDate = '';
  #studyDate = '';
  #age = '';
  readonly #collectsUids: boolean;

  readonly #asked: ReadonlySet<Tag>;
  readonly #answers = new Map<Tag, string>();

  /**
   * `uids` tells whether UIDs must not be seen either, `asked` which attributes a recipe wants to know, `withOthers` whether
   * `all` is to have dates, institutions and long texts too, which some recipes keep.
   */
  constructor(options: { uids?: boolean; asked?: ReadonlySet<Tag>; withOthers?: boolean } = {}) {
    const { uids = true, asked = new Set(), withOthers = false } = options;
    this.#collectsUids = uids;
    this.#asked = asked;
    this.#withOthers = withOthers;
  }

  take(token: Token): void {
    if (token.kind === 'element') this.#takeElement(token);
    else if (token.kind === 'item-start') this.#characterSets.enterItem(token.depth);
    else if (token.kind === 'sequence-start' && token.depth === 0) this.#sequence = token.tag;
  }

  /** Trimmed Patient ID (0010,0020) of the data set. */
  get patientId(): string {
    return this.#patientId;
  }

  /** Trimmed Patient's Birth Date (0010,0030) of the data set. */
  get birthDate(): string {
    return this.#birthDate;
  }

  /** Trimmed Study Date (0008,0020) of the data set. */
  get studyDate(): string {
    return this.#studyDate;
  }

  /** Trimmed Patient's Age (0010,1010) of the data set. */
  get age(): string {
    return this.#age;
  }

  /** Who issued the Patient ID; empty when the data set does not say. */
  get issuer(): string {
    return this.#issuer || this.#universalEntityId;
  }

  /** Values of the attributes that were asked for and are there, backslashes between several. */
  get asked(): ReadonlyMap<Tag, string> {
    return this.#answers;
  }

  /** All that was collected, what kind of identifier each is. A private SOP class is the class of many. */
  get all(): Identifier[] {
    const of = (kind: IdentifierKind, texts: Iterable<string>) =>
      Array.from(texts, (text) => ({ kind, text }));
    return [
      ...of('name', this.#names),
      ...of('id', this.#ids),
      ...of('birth-date', this.#birthDates),
      ...this.#others,
      ...of('uid', this.#uids).filter(({ text }) => text !== this.#sopClassUid),
    ];
  }

  /** What was collected, for looking into texts. */
  collected(search: (texts: IdentifierTexts) => PatientIdentifiers): InstanceIdentifiers {
    const texts = { names: this.#names, ids: this.#ids, birthDates: this.#birthDates };
    return new InstanceIdentifiers(search(texts), this.#collectsUids ? this.#uids : undefined);
  }

  #takeElement(token: ElementToken): void {
    const { tag, depth, value } = token;
    if (tag === Tags.SpecificCharacterSet) {
      this.#characterSets.set(depth, value);
      return;
    }
    if (depth === 0 && this.#asked.has(tag)) {
      const vr = token.vr === 'UN' ? vrOf(tag) : token.vr;
      this.#answers.set(tag, trimmed(textOfValue(value, vr, this.#characterSets.at(0))));
    }
    if (value.length === 0) return;
    const vr = token.vr === 'UN' ? vrOf(tag) : token.vr;
    if (vr === 'UI') {
      if (!this.#collectsUids) return;
      for (const uid of latin1Text(value, 0, endOfValue(value)).split('\\')) {
        const text = trimmed(uid);
        if (text !== '' && registeredUid(text) === undefined) this.#uids.add(text);
        if (depth === 0 && tag === Tags.SOPClassUID) this.#sopClassUid = text;
      }
    } else if (vr === 'PN') {
      for (const name of this.#texts(token, vr)) this.#add(this.#names, name);
    } else if (tag === Tags.PatientBirthDate) {
      for (const date of this.#texts(token, vr)) this.#add(this.#birthDates, date);
    } else if (idTags.has(tag)) {
      for (const id of this.#texts(token, vr)) this.#add(this.#ids, id);
    } else if (this.#withOthers) {
      this.#takeOther(token, vr);
    }
    if (depth === 0) {
      if (tag === Tags.PatientID) this.#patientId = this.#texts(token, vr)[0] ?? '';
      else if (tag === Tags.IssuerOfPatientID) this.#issuer = this.#texts(token, vr)[0] ?? '';
      else if (tag === Tags.PatientBirthDate) this.#birthDate = this.#texts(token, vr)[0] ?? '';
      else if (tag === Tags.PatientAge) this.#age = this.#texts(token, vr)[0] ?? '';
      else if (tag === Tags.StudyDate) this.#studyDate = this.#texts(token, vr)[0] ?? '';
    } else if (
      tag === Tags.UniversalEntityID &&
      depth === 1 &&
      this.#sequence === Tags.IssuerOfPatientIDQualifiersSequence
    ) {
      this.#universalEntityId = this.#texts(token, vr)[0] ?? '';
    }
  }

  #takeOther(token: ElementToken, vr: Vr): void {
    const add = (kind: IdentifierKind, text: string) => {
      if (!this.#others.some((other) => other.kind === kind && other.text === text)) {
        this.#others.push({ kind, text });
      }
    };
    if (vr === 'DA' || vr === 'DT') {
      for (const date of this.#texts(token, vr)) if (/^\d{8}/.test(date)) add('date', date.slice(0, 8));
    } else if (institutionTags.has(token.tag)) {
      for (const name of this.#texts(token, vr)) add('institution', name);
    } else if (vr === 'LT' || vr === 'ST' || vr === 'UT') {
      const text = trimmed(textOfValue(token.value, vr, this.#characterSets.at(token.depth)));
      if (text.length >= minText) add('text', text);
    }
  }

  #add(set: Set<string>, text: string): void {
    if (set.has(text)) return;
    set.add(text);
    this.#count++;
    if (this.#count > maxIdentifiers) {
      throw new HeldBackError(`The header names more than ${maxIdentifiers} people and numbers.`);
    }
  }

  #texts(token: ElementToken, vr: Vr): string[] {
    const text = textOfValue(token.value, vr, this.#characterSets.at(token.depth));
    return text
      .split('\\')
      .map(trimmed)
      .filter((value) => value !== '');
  }
}
