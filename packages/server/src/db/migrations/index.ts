import type { Migration } from 'kysely/migration';
import { start } from './0001-start.ts';
import { retrievalWays } from './0002-retrieval-ways.ts';
import { receivers } from './0003-receivers.ts';

/** Every migration by its name, in alphabetical order. What was released is never changed: the next one mends it. */
export const migrations: Readonly<Record<string, Migration>> = {
  '0001-start': start,
  '0002-retrieval-ways': retrievalWays,
  '0003-receivers': receivers,
};
