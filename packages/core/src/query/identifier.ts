import { attributesFrom } from '../data/attribute-access.ts';
import type { Attributes } from '../data/attributes.ts';
import { returnKeysOf } from './return-keys.ts';
import type { Query } from './types.ts';

/**
 * The identifier that a query is sent as (PS3.4 §C.4.1.1.3): its keys, the return keys of its level, empty, and
 * (0008,0052). Texts beyond the default repertoire make it UTF-8.
 */
export function identifierOf(query: Query): Attributes {
  const asked = Object.fromEntries(returnKeysOf(query).map((keyword) => [keyword, '']));
  const isPlain = Object.values(query.keys).every((value) => /^[\x20-\x7e]*$/.test(value));
  return {
    ...attributesFrom(asked),
    ...attributesFrom(query.keys),
    ...attributesFrom({
      SpecificCharacterSet: isPlain ? undefined : 'ISO_IR 192',
      QueryRetrieveLevel: query.level,
    }),
  };
}
