import { argon2Sync } from 'node:crypto';
import { expect, test } from 'vitest';
import { hashPassword, verifyPassword } from './password.ts';

test('a password fits its hash and no other does', async () => {
  const hash = await hashPassword('Grüße & küsse');
  expect(hash).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/);
  expect(await verifyPassword('Grüße & küsse', hash)).toBe(true);
  for (const wrong of ['', 'Grüße', 'grüße & küsse', 'Grüße & küsse ']) {
    expect(await verifyPassword(wrong, hash)).toBe(false);
  }
});

test('the same password has another hash each time', async () => {
  expect(await hashPassword('x')).not.toBe(await hashPassword('x'));
});

test('a password fits however the keyboard composes its letters', async () => {
  const hash = await hashPassword('Mu\u0308ller');
  expect(await verifyPassword('M\u00fcller', hash)).toBe(true);
});

test('hashes of other parameters stay valid when ours change', async () => {
  const salt = Buffer.from('0123456789abcdef');
  const parameters = { memory: 64, passes: 3, parallelism: 2, tagLength: 24 };
  const hash = argon2Sync('argon2id', { message: 'x', nonce: salt, ...parameters });
  const base64 = (bytes: Buffer) => bytes.toString('base64').replace(/=+$/, '');
  const phc = `$argon2id$v=19$m=64,t=3,p=2$${base64(salt)}$${base64(hash)}`;
  expect(await verifyPassword('x', phc)).toBe(true);
  expect(await verifyPassword('y', phc)).toBe(false);
});

test.each([
  '',
  'x',
  '$argon2i$v=19$m=64,t=3,p=2$MDEyMzQ1Njc4OWFiY2RlZg$AAAAAAAAAAAAAAAAAAAAAA',
  '$2b$10$abc',
])('nothing fits what is no hash: %j', async (phc) => {
  expect(await verifyPassword('', phc)).toBe(false);
});
