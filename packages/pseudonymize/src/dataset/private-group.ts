import { isElementStart, isPrivateCreator, type Tag, type Token, tagElement, tagGroup } from '@adit/core';
import { latin1Text, trimmed } from '../identifiers/text.ts';

/** Most memory for one private group of one item. */
const maxBytes = 4 * 1024 * 1024;

/** What a token costs in memory besides its bytes. */
const tokenCost = 128;

/**
 * One private group of a data set or an item: only when all of it has come is known which of its creators have elements that
 * stay (PS3.5 §7.8.1).
 */
export class PrivateGroup {
  readonly group: number;
  readonly depth: number;
  /** Its elements in their order, each with the tokens that follow its first one. */
  readonly elements: Token[][] = [];
  /** Tags of elements that were left out because there was no memory for them. */
  readonly leftOut: Tag[] = [];
  #cost = 0;
  #isFull = false;

  constructor(tag: Tag, depth: number) {
    this.group = tagGroup(tag);
    this.depth = depth;
  }

  /** Does the token belong to what comes behind the group? */
  endsBefore(token: Token): boolean {
    if (token.depth < this.depth) return true;
    if (token.depth > this.depth) return false;
    return token.kind === 'item-end' || (isElementStart(token) && tagGroup(token.tag) !== this.group);
  }

  take(token: Token): void {
    const isStart = token.depth === this.depth && isElementStart(token);
    if (isStart && !this.#isFull) this.elements.push([]);
    if (this.#isFull) {
      if (isStart) this.leftOut.push(token.tag);
      return;
    }
    this.elements.at(-1)!.push(token);
    this.#cost += token.bytes.length + tokenCost;
    if (this.#cost <= maxBytes) return;
    // The element that is not complete goes too.
    this.#isFull = true;
    const [first] = this.elements.pop()!;
    if (isElementStart(first!)) this.leftOut.push(first.tag);
  }

  /** Trimmed creators by the number of the block they reserve; the first of several counts. */
  creators(): Map<number, string> {
    const creators = new Map<number, string>();
    for (const [token] of this.elements) {
      if (token?.kind !== 'element' || !isPrivateCreator(token.tag)) continue;
      const block = tagElement(token.tag);
      if (!creators.has(block)) creators.set(block, trimmed(latin1Text(token.value)));
    }
    return creators;
  }
}
