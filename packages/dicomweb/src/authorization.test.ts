import { describe, expect, it } from 'vitest';
import { basicAuthorization, createAuthorization } from './authorization.ts';

describe('basicAuthorization', () => {
  it('encodes user and password in UTF-8 (RFC 7617 §2.1)', () => {
    expect(basicAuthorization('test', '123£')).toBe('Basic dGVzdDoxMjPCow==');
  });

  it('refuses a user name with a colon', () => {
    expect(() => basicAuthorization('a:b', 'c')).toThrow(
      expect.objectContaining({ code: 'INVALID_HEADERS' }),
    );
  });
});

describe('createAuthorization', () => {
  it('asks once, and again for a value that was refused', async () => {
    const asked: (string | undefined)[] = [];
    const authorization = createAuthorization(({ refused }) => {
      asked.push(refused);
      return `Bearer ${asked.length}`;
    }, 'PACS');
    expect(await Promise.all([authorization.current(), authorization.current()])).toEqual([
      'Bearer 1',
      'Bearer 1',
    ]);
    expect(await Promise.all([authorization.renew('Bearer 1'), authorization.renew('Bearer 1')])).toEqual([
      'Bearer 2',
      'Bearer 2',
    ]);
    // A request that was under way with the first value.
    expect(await authorization.renew('Bearer 1')).toBe('Bearer 2');
    expect(await authorization.current()).toBe('Bearer 2');
    expect(asked).toEqual([undefined, 'Bearer 1']);
  });

  it('has nothing else to offer where the value stays the same', async () => {
    expect(await createAuthorization('Bearer x', 'PACS').renew('Bearer x')).toBeUndefined();
    expect(await createAuthorization(() => 'Bearer x', 'PACS').renew('Bearer x')).toBeUndefined();
    expect(await createAuthorization(undefined, 'PACS').current()).toBeUndefined();
  });

  it('says that none could be had, and asks again the next time', async () => {
    let works = false;
    const authorization = createAuthorization(() => {
      if (!works) throw new Error('token server is down');
      return 'Bearer x';
    }, 'PACS');
    await expect(authorization.current()).rejects.toMatchObject({ code: 'UNAUTHORIZED', retryable: true });
    works = true;
    expect(await authorization.current()).toBe('Bearer x');
  });

  it('refuses what is no header value, without repeating it', async () => {
    const authorization = createAuthorization(() => 'Bearer secret\nx', 'PACS');
    await expect(authorization.current()).rejects.toMatchObject({
      code: 'INVALID_HEADERS',
      message: expect.not.stringContaining('secret'),
    });
  });
});
