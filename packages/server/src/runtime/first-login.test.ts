import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { prepareFirstLogin, readFirstLogin, writeFirstLogin } from './first-login.ts';

describe('first login', () => {
  let dataDirectory: string;

  beforeEach(() => {
    dataDirectory = mkdtempSync(join(tmpdir(), 'adit-test-'));
  });
  afterEach(() => rmSync(dataDirectory, { recursive: true }));

  it('is generated and kept in a file that only its owner may read', async () => {
    const login = await prepareFirstLogin(dataDirectory);
    expect(login.username).toBe('admin');
    expect(login.password).toMatch(/^[a-zA-Z2-9]{20}$/);
    const path = join(dataDirectory, 'first-login.json');
    expect(statSync(path).mode & 0o777).toBe(0o600);
    await writeFirstLogin(dataDirectory, { ...login, url: 'http://127.0.0.1:8080' });
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(JSON.parse(readFileSync(path, 'utf8'))).toEqual({
      url: 'http://127.0.0.1:8080',
      username: 'admin',
      password: login.password,
    });
  });

  it('stays the same when a start is repeated before its user was made', async () => {
    const login = await prepareFirstLogin(dataDirectory);
    expect(await prepareFirstLogin(dataDirectory)).toEqual(login);
  });

  it('differs from server to server', async () => {
    const { password } = await prepareFirstLogin(dataDirectory);
    rmSync(join(dataDirectory, 'first-login.json'));
    expect((await prepareFirstLogin(dataDirectory)).password).not.toBe(password);
  });

  it('is absent when there is no such file, or something else in it', async () => {
    expect(await readFirstLogin(dataDirectory)).toBeUndefined();
    writeFileSync(join(dataDirectory, 'first-login.json'), '{"username":"admin"}');
    expect(await readFirstLogin(dataDirectory)).toBeUndefined();
  });
});
