import type { Migration } from 'kysely/migration';
import { start } from './0001-start.ts';

/** Every migration by its name, in alphabetical order. What was released is never changed: the next one mends it. */
export const migrations: Readonly<Record<string, Migration>> = {
  '0001-start': start,
};
