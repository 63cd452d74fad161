import type { Token } from '@adit/core';

/** Passes over an element that is left out, with all that is in it. */
export class Skipper {
  #until: Token['kind'] | undefined;
  #depth = 0;

  /** Leave out what this token begins; nothing to do for a whole element. */
  begin(token: Token): void {
    const until = endOf[token.kind];
    if (until === undefined) return;
    this.#until = until;
    this.#depth = token.depth;
  }

  /** Is the token part of what is left out? */
  skips(token: Token): boolean {
    if (this.#until === undefined) return false;
    if (token.kind === this.#until && token.depth === this.#depth) this.#until = undefined;
    return true;
  }
}

const endOf: Readonly<Partial<Record<Token['kind'], Token['kind']>>> = {
  'sequence-start': 'sequence-end',
  'item-start': 'item-end',
  'bulk-start': 'bulk-end',
  'fragments-start': 'fragments-end',
};
