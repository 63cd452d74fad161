import { pino } from 'pino';
import { expect, test } from 'vitest';
import { loggableError } from './loggable-error.ts';
import { testPostgres } from './testing/test-postgres.ts';

const postgres = testPostgres();

test('what PostgreSQL says of a row is not logged', async () => {
  await using database = await postgres.openDatabase();
  const cause = await database.pool
    .query("insert into users values (default, 'Geheim^Anna', 'x', 'x', null)")
    .catch((error: unknown) => error);
  // What the error holds, and the log would.
  expect(JSON.stringify(cause)).toContain('Geheim');

  const lines: string[] = [];
  const logger = pino({}, { write: (line: string) => void lines.push(line) });
  const safe = logger.child({}, { serializers: { err: loggableError } });
  safe.error({ err: cause }, 'failed');
  safe.error({ err: new Error('outer', { cause }) }, 'failed');
  expect(lines.join('')).not.toContain('Geheim');
  expect(JSON.parse(lines[1] as string)).toMatchObject({
    err: { name: 'Error', cause: { code: '23502', stack: expect.stringContaining('null value in column') } },
  });
});
