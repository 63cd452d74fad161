/**
 * What becomes of an attribute (PS3.15 §E.3.1): removed, emptied, given a dummy value, its UIDs mapped, kept, kept once it is
 * cleaned of what identifies.
 */
export type Action = 'X' | 'Z' | 'D' | 'U' | 'K' | 'C';

/** An action as Table E.1-1 writes it: a single one, or one that depends on the Type of the attribute in its IOD. */
export type ActionCode = 'X' | 'Z' | 'D' | 'U' | 'X/Z' | 'X/D' | 'Z/D' | 'X/Z/D' | 'X/Z/U*';

/**
 * The Type of an attribute in an IOD (PS3.5 §7.4): 1 has a value, 2 may be empty, 3 may be missing. What is there has to be
 * what the condition of 1C and 2C asks for, so that these are 1 and 2.
 */
export type AttributeType = 1 | 2 | 3;

type ActionsByType = readonly [unknown: Action, type1: Action, type2: Action, type3: Action];

/**
 * What a code means for each Type: the first of its actions that leaves a valid object (PS3.15 §E.3.1, notes on Table
 * E.1-1). Where the Type is not known, the one that is valid whatever it is; never K. What the table removes without regard to
 * the Type is emptied or replaced where the IOD asks for it (docs/decisions/0013).
 */
const actionsByType: Readonly<Record<ActionCode, ActionsByType>> = {
  X: ['X', 'D', 'Z', 'X'],
  Z: ['Z', 'Z', 'Z', 'Z'],
  D: ['D', 'D', 'D', 'D'],
  U: ['U', 'U', 'U', 'U'],
  'X/Z': ['Z', 'Z', 'Z', 'X'],
  'X/D': ['D', 'D', 'D', 'X'],
  'Z/D': ['D', 'D', 'Z', 'Z'],
  'X/Z/D': ['D', 'D', 'Z', 'X'],
  'X/Z/U*': ['U', 'U', 'Z', 'X'],
};

export function isActionCode(text: string): text is ActionCode {
  return Object.hasOwn(actionsByType, text);
}

/** What a code means for an attribute of this Type; undefined where that is not known. */
export function actionOfType(code: ActionCode, type: AttributeType | undefined): Action {
  return actionsByType[code][type ?? 0];
}

/** Does what the code means depend on the Type? */
export function dependsOnType(code: ActionCode): boolean {
  return code === 'X' || code.length > 1;
}
