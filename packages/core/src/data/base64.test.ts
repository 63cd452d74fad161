import fc from 'fast-check';
import { expect, it } from 'vitest';
import { decodeBase64, encodeBase64 } from './base64.ts';

it('reads what it wrote', () => {
  fc.assert(
    fc.property(fc.uint8Array(), (bytes) => {
      expect(decodeBase64(encodeBase64(bytes))).toEqual(bytes);
    }),
  );
  expect(encodeBase64(Uint8Array.of(0xff, 0xfe))).toBe('//4=');
  const long = Uint8Array.from({ length: 1_000_000 }, (_, i) => i);
  expect(decodeBase64(encodeBase64(long))).toEqual(long);
});

it('refuses what is no Base64', () => {
  expect(() => decodeBase64('§')).toThrow(expect.objectContaining({ code: 'INVALID_VALUE' }));
});
