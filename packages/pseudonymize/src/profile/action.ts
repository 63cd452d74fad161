/** What becomes of an attribute (PS3.15 §E.3.1): removed, emptied, given a dummy value, its UIDs mapped, kept. */
export type Action = 'X' | 'Z' | 'D' | 'U' | 'K';

/** An action as Table E.1-1 writes it: a single one, or one that depends on the Type of the attribute in its IOD. */
export type ActionCode = 'X' | 'Z' | 'D' | 'U' | 'X/Z' | 'X/D' | 'Z/D' | 'X/Z/D' | 'X/Z/U*';

/**
 * What a code means where the Type of the attribute is not known: whichever of its actions leaves the object valid for
 * the strictest Type it may have there, and never K. Type 3 would allow X, Type 2 asks for Z, Type 1 for D or U.
 *
 * X/Z is Z rather than D, for the table itself says that no IOD asks for a value there.
 */
const ofUnknownType: Readonly<Record<ActionCode, Action>> = {
  X: 'X',
  Z: 'Z',
  D: 'D',
  U: 'U',
  'X/Z': 'Z',
  'X/D': 'D',
  'Z/D': 'D',
  'X/Z/D': 'D',
  'X/Z/U*': 'U',
};

export function isActionCode(text: string): text is ActionCode {
  return Object.hasOwn(ofUnknownType, text);
}

export function actionOfUnknownType(code: ActionCode): Action {
  return ofUnknownType[code];
}
