import type { QueryLevel } from './types.ts';

/** Keywords a query of the level always asks for. */
export function returnKeys(_level: QueryLevel): readonly string[] {
  return [];
}
