import { sql } from 'kysely';
import type { Migration } from 'kysely/migration';
import { describe, expect, it } from 'vitest';
import { testPostgres } from '../testing/test-postgres.ts';
import { migrate } from './migrate.ts';
import { migrations } from './migrations/index.ts';

const postgres = testPostgres();

function step(statement: string): Migration {
  return {
    async up(db) {
      await sql.raw(statement).execute(db);
    },
  };
}

describe('migrate', () => {
  it('applies every migration, once, though two processes start at the same time', async () => {
    await using database = await postgres.openDatabase({ migrated: false });
    const applied = await Promise.all([migrate(database.db), migrate(database.db)]);
    expect(applied.flat()).toEqual(Object.keys(migrations));
    expect(await migrate(database.db)).toEqual([]);
  });

  it('has its migrations in the order of their names', () => {
    expect(Object.keys(migrations)).toEqual(Object.keys(migrations).sort());
  });

  it('makes a list of the one way to retrieve that a node had', async () => {
    await using database = await postgres.openDatabase({ migrated: false });
    const { '0001-start': start } = migrations;
    await migrate(database.db, { '0001-start': start! });
    const nodes = ['{"kind":"dimse","retrieve":"c-move"}', '{"kind":"dimse"}', '{"kind":"folder"}'];
    for (const [index, settings] of nodes.entries()) {
      await sql`insert into nodes (name, source, destination, settings)
        values (${`Node ${index}`}, true, true, ${settings})`.execute(database.db);
    }
    await migrate(database.db);
    const { rows } = await sql`select settings from nodes order by name`.execute(database.db);
    expect(rows.map((row) => (row as { settings: unknown }).settings)).toEqual([
      { kind: 'dimse', retrieve: ['c-move'] },
      { kind: 'dimse' },
      { kind: 'folder' },
    ]);
  });

  it('undoes everything when a step fails, and names it', async () => {
    await using database = await postgres.openDatabase({ migrated: false });
    const steps = { '0001-good': step('create table good ()'), '0002-bad': step('create table') };
    await expect(migrate(database.db, steps)).rejects.toMatchObject({
      code: 'MIGRATION',
      message: expect.stringMatching(/step 0002-bad failed \(syntax error/),
    });
    await expect(sql`select from good`.execute(database.db)).rejects.toThrow('does not exist');
  });

  it('refuses tables that a later version has made', async () => {
    await using database = await postgres.openDatabase({ migrated: false });
    await migrate(database.db, { ...migrations, '9999-later': step('create table later ()') });
    await expect(migrate(database.db)).rejects.toMatchObject({
      code: 'MIGRATION',
      message: expect.stringContaining('do not fit this version of ADIT'),
    });
  });
});
