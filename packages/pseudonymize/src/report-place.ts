import { formatTag, isPrivate, isPrivateCreator, type Tag, tagElement, tagGroup } from '@adit/core';

/** Most sequences that a path names: those of structured reports are a dozen deep. */
const maxSequences = 16;

/** Most paths that are remembered. */
const maxRemembered = 10_000;

/**
 * Where attributes are, for the paths of a report: in a data set, or in the items of a sequence. Made once for many data sets,
 * whose attributes are much the same.
 */
export class ReportPlace {
  /** What the paths of attributes here begin with. */
  readonly #prefix: string;
  readonly #sequences: number;
  readonly #paths = new Map<Tag, string>();
  readonly #items = new Map<Tag, ReportPlace>();
  /** How much is remembered here and in all sequences. */
  readonly #remembered: { count: number };

  constructor(prefix = '', sequences = 0, remembered = { count: 0 }) {
    this.#prefix = prefix;
    this.#sequences = sequences;
    this.#remembered = remembered;
  }

  /** The path of an attribute here; of a private one, whatever block it is in. */
  pathOf(tag: Tag, creator?: string): string {
    const known = this.#paths.get(tag);
    if (known !== undefined) return known;
    if (isPrivate(tag)) return this.#prefix + privateName(tag, creator);
    const path = this.#prefix + formatTag(tag);
    if (this.#mayRemember()) this.#paths.set(tag, path);
    return path;
  }

  /** The items of a sequence that is here. Those of one that is very deep are told together. */
  inItemsOf(tag: Tag, creator?: string): ReportPlace {
    if (this.#sequences > maxSequences) return this;
    const known = this.#items.get(tag);
    if (known !== undefined) return known;
    const prefix = this.#sequences === maxSequences ? '…>' : `${this.pathOf(tag, creator)}>`;
    const place = new ReportPlace(prefix, this.#sequences + 1, this.#remembered);
    if (!isPrivate(tag) && this.#mayRemember()) this.#items.set(tag, place);
    return place;
  }

  #mayRemember(): boolean {
    if (this.#remembered.count === maxRemembered) return false;
    this.#remembered.count += 1;
    return true;
  }
}

/** As tables and people write private attributes: the block is each object's own. */
function privateName(tag: Tag, creator: string | undefined): string {
  const group = hex(tagGroup(tag), 4);
  if (isPrivateCreator(tag)) return `(${group},00xx)`;
  const element = hex(tagElement(tag) & 0xff, 2);
  return creator === undefined ? `(${group},xx${element})` : `(${group},"${creator}",${element})`;
}

function hex(number: number, digits: number): string {
  return number.toString(16).toUpperCase().padStart(digits, '0');
}
