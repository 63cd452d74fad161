import { describe, expect, test } from 'vitest';
import { testPostgres } from '../testing/test-postgres.ts';
import { type Actor, authorize, isAllowed, jobActionsOf } from './authorize.ts';
import { checkCredentials, createUser, ensureFirstUser } from './service.ts';

const postgres = testPostgres();

describe('the first user', () => {
  const login = { username: 'admin', password: 'generated', url: '' };

  test('is an administrator, and is made once', async () => {
    await using database = await postgres.openDatabase();
    let prepared = 0;
    const prepare = async () => {
      prepared += 1;
      return login;
    };
    expect(await ensureFirstUser(database.db, prepare)).toEqual(login);
    expect(await ensureFirstUser(database.db, prepare)).toBeUndefined();
    expect(prepared).toBe(1);
    expect(await checkCredentials(database.db, login)).toMatchObject({ administrator: true });
  });

  test('is one, though several processes start at once', async () => {
    await using database = await postgres.openDatabase();
    const made = await Promise.all(
      Array.from({ length: 4 }, () => ensureFirstUser(database.db, async () => login)),
    );
    expect(made.filter(Boolean)).toHaveLength(1);
    const { rows } = await database.pool.query('select from users');
    expect(rows).toHaveLength(1);
  });
});

test('user names are unique without regard to case', async () => {
  await using database = await postgres.openDatabase();
  await createUser(database.db, { username: 'Anna', password: 'x' });
  await expect(createUser(database.db, { username: 'anna', password: 'y' })).rejects.toMatchObject({
    code: 'NAME_TAKEN',
  });
});

describe('permissions', () => {
  const admin: Actor = { userId: '1', username: 'admin', name: 'Admin', administrator: true };
  const anna: Actor = { userId: '2', username: 'anna', name: 'Anna', administrator: false };
  const ownJob = { ownerId: '2', state: 'failure' as const };
  const otherJob = { ownerId: '3', state: 'failure' as const };

  test.each<[string, boolean, admin: boolean]>([
    ['administrate', false, true],
    ['see all jobs', false, true],
  ])('%s', (action, forUser, forAdmin) => {
    expect(isAllowed(anna, action as 'administrate')).toBe(forUser);
    expect(isAllowed(admin, action as 'administrate')).toBe(forAdmin);
  });

  test.each(['see job', 'change job'] as const)('%s: one’s own, or as administrator', (action) => {
    expect(isAllowed(anna, action, ownJob)).toBe(true);
    expect(isAllowed(anna, action, otherJob)).toBe(false);
    expect(isAllowed(admin, action, otherJob)).toBe(true);
    expect(() => authorize(anna, action, otherJob)).toThrow(expect.objectContaining({ code: 'FORBIDDEN' }));
  });

  test('a job offers what its viewer may do', () => {
    expect(jobActionsOf(anna, ownJob)).toEqual(['retry']);
    expect(jobActionsOf(admin, ownJob)).toEqual(['retry', 'restart']);
    expect(jobActionsOf(anna, otherJob)).toEqual([]);
  });
});
