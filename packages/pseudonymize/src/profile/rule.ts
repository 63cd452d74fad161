import {
  type DictionaryEntry,
  dictionaryEntry,
  isPrivate,
  type Tag,
  Tags,
  tagElement,
  tagGroup,
  type Vr,
} from '@adit/core';
import { type Action, actionOfUnknownType } from './action.ts';
import { confidentialityProfiles } from './confidentiality-profiles.ts';

/** What the Basic Profile says about an attribute, and what the dictionary does. */
export interface Rule {
  readonly action: Action;
  /** The usual VR in PS3.6; undefined for attributes that it does not list. */
  readonly vr: Vr | undefined;
  /** All VRs that PS3.6 allows. */
  readonly vrs: readonly Vr[];
  /** Why no instance that has the attribute leaves; undefined for all others. */
  readonly heldBack: string | undefined;
}

/** Attributes that hold a document or list other instances: nothing that is left of them is known to be clean. */
const heldBack: ReadonlyMap<Tag, string> = new Map([
  [Tags.EncapsulatedDocument, 'It holds an encapsulated document, which is not looked into.'],
  [Tags.DirectoryRecordSequence, 'It is the directory of a medium (DICOMDIR), which names other instances.'],
]);

/**
 * Attributes that go although Table E.1-1 has no row for them. Encrypted Attributes carry the originals, and so do what a
 * signature was made over; MAC Parameters mean nothing without the signatures, which no edited object keeps.
 */
const removedBesides: ReadonlySet<Tag> = new Set([
  Tags.EncryptedAttributesSequence,
  Tags.MACParametersSequence,
  Tags.ModifiedAttributesSequence,
  Tags.OriginalAttributesSequence,
  Tags.IconImageSequence,
  Tags.DigitalSignaturesSequence,
  Tags.DataSetTrailingPadding,
]);

/**
 * VRs of which no unlisted attribute is kept: a name is a person's, a date or time belongs to the history that
 * (0028,0303) says is removed, and a UID names an instance unless PS3.6 Annex A lists it.
 */
const sweptVrs: Readonly<Partial<Record<Vr, Action>>> = { PN: 'D', DA: 'D', DT: 'D', TM: 'D', UI: 'U' };

const removed: Rule = { action: 'X', vr: undefined, vrs: [], heldBack: undefined };

let listed: ReadonlyMap<Tag, Action> | undefined;

/** Rules made so far. Only attributes of the table or the dictionary get in, so it stays small. */
const rules = new Map<Tag, Rule>();

/** The rule for an attribute under the Basic Profile, the Type of the attribute being unknown. */
export function ruleFor(tag: Tag): Rule {
  const known = rules.get(tag);
  if (known !== undefined) return known;
  const rule = makeRule(tag);
  if (rule.vr !== undefined) rules.set(tag, rule);
  return rule;
}

function makeRule(tag: Tag): Rule {
  const group = tagGroup(tag);
  // Private attributes; group lengths; command elements and file meta information, which no data set has.
  if (isPrivate(tag) || tagElement(tag) === 0 || group <= 0x0002) return removed;
  const entry = dictionaryEntry(tag);
  const make = (action: Action): Rule => ({
    action,
    vr: entry?.vr,
    vrs: entry?.vrs ?? [],
    heldBack: heldBack.get(tag),
  });
  // Curves (50xx) and overlays (60xx). The table names Overlay Data and Overlay Comments; a plane without its data is
  // not valid (PS3.3 §C.9.2), so the rest of it goes as well.
  if (group >>> 8 === 0x50 || group >>> 8 === 0x60) return make('X');
  if (removedBesides.has(tag)) return make('X');

  listed ??= listActions();
  const action = listed.get(tag);
  // The table is newer than the dictionary: a few of its attributes are not in there.
  if (action !== undefined) return make(action);
  if (entry === undefined) return removed;
  // Group 0004 is of directories, which are held back; in anything else its elements are strays.
  if (group === 0x0004) return make('X');
  return make(sweepActionOf(entry));
}

function sweepActionOf(entry: DictionaryEntry): Action {
  return sweptVrs[entry.vr] ?? 'K';
}

function listActions(): Map<Tag, Action> {
  const actions = new Map<Tag, Action>();
  for (const { tag, basic } of confidentialityProfiles()) {
    if (tag !== undefined) actions.set(tag, actionOfUnknownType(basic));
  }
  return actions;
}
