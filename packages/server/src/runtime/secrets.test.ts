import { randomBytes } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createSecrets, openSecrets } from './secrets.ts';

describe('createSecrets', () => {
  const secrets = createSecrets(randomBytes(32));

  it('opens what it sealed', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.string(), (text, context) => {
        // A lone surrogate has no UTF-8 form; secrets are text.
        fc.pre(text.isWellFormed());
        const sealed = secrets.seal(text, context);
        expect(sealed).toMatch(/^v1\.[\w-]+$/);
        expect(secrets.open(sealed, context)).toBe(text);
      }),
    );
  });

  it('gives each sealing another text', () => {
    expect(secrets.seal('Bearer x', 'node:1')).not.toBe(secrets.seal('Bearer x', 'node:1'));
  });

  it('refuses another context, another key and a changed text', () => {
    const sealed = secrets.seal('Bearer x', 'node:1');
    const changed = sealed.slice(0, -2) + (sealed.endsWith('AA') ? 'BB' : 'AA');
    const refusal = expect.objectContaining({ code: 'SECRET_UNREADABLE' });
    expect(() => secrets.open(sealed, 'node:2')).toThrow(refusal);
    expect(() => createSecrets(randomBytes(32)).open(sealed, 'node:1')).toThrow(refusal);
    expect(() => secrets.open(changed, 'node:1')).toThrow(refusal);
    for (const junk of ['', 'v1.', 'Bearer x', `v2.${sealed.slice(3)}`, sealed.slice(0, 20)]) {
      expect(() => secrets.open(junk, 'node:1')).toThrow(refusal);
    }
  });

  it('refuses a tag cut short, which would be easier to guess', () => {
    const bytes = Buffer.from(secrets.seal('', 'node:1').slice(3), 'base64url');
    expect(bytes).toHaveLength(12 + 16);
    expect(() => secrets.open(`v1.${bytes.subarray(0, 12 + 4).toString('base64url')}`, 'node:1')).toThrow();
  });

  it('derives keys that differ by purpose and stay the same for it', () => {
    expect(secrets.derive('session')).toHaveLength(32);
    expect(secrets.derive('session')).toEqual(secrets.derive('session'));
    expect(secrets.derive('session')).not.toEqual(secrets.derive('token'));
  });
});

describe('openSecrets', () => {
  let dataDirectory: string;

  beforeEach(() => {
    dataDirectory = mkdtempSync(join(tmpdir(), 'adit-test-'));
  });
  afterEach(() => rmSync(dataDirectory, { recursive: true }));

  it('makes a key file that only its owner may read, once', async () => {
    const [first, second] = await Promise.all([
      openSecrets({ dataDirectory, secretKey: undefined }),
      openSecrets({ dataDirectory, secretKey: undefined }),
    ]);
    const third = await openSecrets({ dataDirectory, secretKey: undefined });
    const sealed = first.seal('Bearer x', 'node:1');
    expect(second.open(sealed, 'node:1')).toBe('Bearer x');
    expect(third.open(sealed, 'node:1')).toBe('Bearer x');
    expect(readdirSync(dataDirectory)).toEqual(['secret.key']);
    expect(statSync(join(dataDirectory, 'secret.key')).mode & 0o777).toBe(0o600);
    expect(readFileSync(join(dataDirectory, 'secret.key'), 'utf8')).toMatch(/^[\w+/]{43}=\n$/);
  });

  it('prefers the key of the environment and writes no file', async () => {
    const secretKey = randomBytes(32);
    const secrets = await openSecrets({ dataDirectory, secretKey });
    expect(createSecrets(secretKey).open(secrets.seal('x', 'y'), 'y')).toBe('x');
    expect(readdirSync(dataDirectory)).toEqual([]);
  });

  it('does not replace a key file that it cannot read', async () => {
    writeFileSync(join(dataDirectory, 'secret.key'), 'short');
    await expect(openSecrets({ dataDirectory, secretKey: undefined })).rejects.toMatchObject({
      code: 'SECRET_KEY',
    });
    expect(readFileSync(join(dataDirectory, 'secret.key'), 'utf8')).toBe('short');
  });
});
