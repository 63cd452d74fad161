import {
  createElementReader,
  isPrivateCreator,
  privateCreatorTag,
  type Tag,
  Tags,
  type Token,
  tagToHex,
  type Vr,
  vrForm,
} from '@adit/core';
import { CharacterSets } from '../dataset/character-sets.ts';
import { textOfValue } from '../identifiers/text.ts';

/** An attribute somewhere in a data set. */
export interface HeaderEntry {
  tag: Tag;
  vr: Vr;
  /** Sequences around it, from the outside in, and in which item of each it is, from 0. */
  path: readonly { sequence: Tag; item: number }[];
  /** Private Creator of its block. */
  creator: string | undefined;
  /** Undefined for sequences and what is longer than 64 KiB. */
  value: Uint8Array | undefined;
  /** The value, where it is one of text. */
  text: string | undefined;
}

/** Most attributes of a data set that are listed. */
const maxEntries = 200_000;

/** Lists the attributes of a data set while it passes; by keys that sort as the data set does. */
export class HeaderEntries {
  readonly entries = new Map<string, HeaderEntry>();
  readonly #transferSyntaxUid: string;
  readonly #characterSets = new CharacterSets();
  readonly #path: { sequence: Tag; item: number }[] = [];
  /** Private creators by the tag that names them, of the data set and of each item that is open. */
  readonly #creators: Map<Tag, string>[] = [new Map()];

  constructor(transferSyntaxUid: string) {
    this.#transferSyntaxUid = transferSyntaxUid;
  }

  /** Passes a data set on, and lists what is in it. */
  async *observing(dataset: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
    const reader = createElementReader({ transferSyntaxUid: this.#transferSyntaxUid });
    for await (const chunk of dataset) {
      for (const token of reader.push(chunk)) this.#take(token);
      yield chunk;
    }
    for (const token of reader.end()) this.#take(token);
  }

  #take(token: Token): void {
    switch (token.kind) {
      case 'element': {
        const { tag, vr, value, depth } = token;
        if (tag === Tags.SpecificCharacterSet) this.#characterSets.set(depth, value);
        const isText = vrForm(vr) === 'text';
        const text = isText ? textOfValue(value, vr, this.#characterSets.at(depth)) : undefined;
        if (isPrivateCreator(tag) && text !== undefined) this.#creators.at(-1)!.set(tag, text.trim());
        this.#add(tag, vr, value, text);
        break;
      }
      case 'sequence-start':
        this.#add(token.tag, 'SQ', undefined, undefined);
        this.#path.push({ sequence: token.tag, item: -1 });
        break;
      case 'item-start':
        this.#characterSets.enterItem(token.depth);
        this.#path.at(-1)!.item = token.index;
        this.#creators.push(new Map());
        break;
      case 'item-end':
        this.#creators.pop();
        break;
      case 'sequence-end':
        this.#path.pop();
        break;
      case 'bulk-start':
      case 'fragments-start':
        this.#add(token.tag, token.vr, undefined, undefined);
    }
  }

  #add(tag: Tag, vr: Vr, value: Uint8Array | undefined, text: string | undefined): void {
    if (this.entries.size >= maxEntries) return;
    const path = this.#path.map((step) => ({ ...step }));
    const creatorTag = privateCreatorTag(tag);
    const creator = creatorTag === undefined ? undefined : this.#creators.at(-1)!.get(creatorTag);
    const key = path.map(({ sequence, item }) => `${tagToHex(sequence)}${String(item).padStart(8, '0')}`);
    // The values of tokens may be views of memory that is used again.
    const kept = value === undefined ? undefined : value.slice();
    this.entries.set([...key, tagToHex(tag)].join(''), { tag, vr, path, creator, value: kept, text });
  }
}
