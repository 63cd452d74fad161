import { type Attributes, characterSetOf, createLocalFilter, type Query, textsOf } from '@adit/core';

/**
 * The local filter for the answers of a C-FIND. A node that answers in a character set which lacks the characters of a key
 * has lost them on the way: what such a key asks for was matched by the node and cannot be matched again here.
 */
export function createAnswerFilter(query: Query): (answer: Attributes) => boolean {
  const filters = new Map<string, (answer: Attributes) => boolean>();
  return (answer) => {
    const terms = textsOf(answer, 'SpecificCharacterSet');
    const name = terms.join('\\');
    let filter = filters.get(name);
    if (!filter) {
      filter = createLocalFilter({ ...query, keys: keysIn(terms, query.keys) }, { caseInsensitive: true });
      filters.set(name, filter);
    }
    return filter(answer);
  };
}

function keysIn(terms: readonly string[], keys: Query['keys']): Query['keys'] {
  const characterSet = characterSetOf(terms);
  return Object.fromEntries(
    Object.entries(keys).filter(([, value]) => characterSet.encode(value, 'LT') !== undefined),
  );
}
