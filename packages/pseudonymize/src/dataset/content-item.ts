import { type ElementToken, type ItemStartToken, isElementStart, Tags, type Token } from '@adit/core';
import { latin1Text, trimmed } from '../identifiers/text.ts';

/** Most that is collected of one content item before its concept name must have come. */
const maxTokens = 1000;
const maxBytes = 256 * 1024;

/**
 * The beginning of a content item (PS3.3 §C.17.3), up to and with its concept name: only then is known what becomes of it.
 */
export class ContentItem {
  readonly tokens: Token[] = [];
  readonly start: ItemStartToken;
  #bytes = 0;
  #inName = false;
  valueType = '';
  scheme = '';
  code = '';

  constructor(start: ItemStartToken) {
    this.start = start;
  }

  /** Was it too long to be understood? */
  get isOverlong(): boolean {
    return this.tokens.length >= maxTokens || this.#bytes > maxBytes;
  }

  /** Does the token no longer belong to what has to be known? */
  endsBefore(token: Token): boolean {
    if (this.isOverlong || token.kind === 'bulk-start' || token.kind === 'fragments-start') return true;
    if (token.depth !== this.start.depth) return false;
    return token.kind === 'item-end' || (isElementStart(token) && token.tag > Tags.ConceptNameCodeSequence);
  }

  take(token: Token): void {
    this.tokens.push(token);
    this.#bytes += token.bytes.length;
    const { depth } = this.start;
    if (token.depth === depth && isElementStart(token)) {
      this.#inName = token.tag === Tags.ConceptNameCodeSequence;
      if (token.kind === 'element' && token.tag === Tags.ValueType) this.valueType = textOf(token);
    } else if (this.#inName && token.kind === 'element' && token.depth === depth + 1) {
      if (token.tag === Tags.CodeValue) this.code = textOf(token);
      else if (token.tag === Tags.CodingSchemeDesignator) this.scheme = textOf(token);
    }
  }
}

function textOf({ value }: ElementToken): string {
  return trimmed(latin1Text(value));
}
