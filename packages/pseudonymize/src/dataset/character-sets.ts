import { type CharacterSet, characterSetOf } from '@adit/core';
import { asciiText } from '../identifiers/text.ts';

const defaultRepertoire = characterSetOf([]);

/** Character sets by the value of (0008,0005): an archive has a handful. */
const known = new Map<string, CharacterSet>();
const maxKnown = 100;

/** The character sets of the items that are open: an item without (0008,0005) has that of what is around it. */
export class CharacterSets {
  readonly #open: CharacterSet[] = [defaultRepertoire];

  /** An item has begun, whose elements are at this depth. */
  enterItem(depth: number): void {
    this.#open[depth] = this.at(depth - 1);
  }

  at(depth: number): CharacterSet {
    return this.#open[depth] ?? defaultRepertoire;
  }

  /** (0008,0005) stands at this depth. */
  set(depth: number, value: Uint8Array): void {
    const text = asciiText(value) ?? '';
    let characterSet = known.get(text);
    if (characterSet === undefined) {
      characterSet = characterSetOf(text.split('\\').map((term) => term.replace(/^[\0 ]+|[\0 ]+$/g, '')));
      if (known.size < maxKnown) known.set(text, characterSet);
    }
    this.#open[depth] = characterSet;
  }
}
