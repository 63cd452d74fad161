import fc from 'fast-check';
import { expect, it } from 'vitest';
import { formatPersonName, parsePersonName, personNameComponents } from './person-name.ts';

it('takes component groups apart and puts them together', () => {
  expect(parsePersonName('Yamada^Tarou=山田^太郎=やまだ^たろう')).toEqual({
    Alphabetic: 'Yamada^Tarou',
    Ideographic: '山田^太郎',
    Phonetic: 'やまだ^たろう',
  });
  expect(parsePersonName('==やまだ')).toEqual({ Phonetic: 'やまだ' });
  expect(parsePersonName(' Doe^John = ')).toEqual({ Alphabetic: 'Doe^John' });
  expect(parsePersonName('')).toEqual({});
  expect(formatPersonName({ Alphabetic: 'Doe', Phonetic: 'X' })).toBe('Doe==X');
  expect(formatPersonName({ Ideographic: '山田' })).toBe('=山田');
  expect(formatPersonName({})).toBe('');
});

it('reads what it wrote', () => {
  const group = fc
    .string({ unit: fc.constantFrom(...'AB^ é山'), minLength: 1 })
    .filter((text) => text.trim() === text);
  const name = fc.record({ Alphabetic: group, Ideographic: group, Phonetic: group }, { requiredKeys: [] });
  fc.assert(
    fc.property(name, (value) => {
      expect(parsePersonName(formatPersonName(value))).toEqual(value);
    }),
  );
});

it('gives five components', () => {
  expect(personNameComponents('Adams^John Robert Quincy^^Rev.^B.A. M.Div.')).toEqual({
    familyName: 'Adams',
    givenName: 'John Robert Quincy',
    middleName: '',
    prefix: 'Rev.',
    suffix: 'B.A. M.Div.',
  });
  expect(personNameComponents('Doe')).toMatchObject({ familyName: 'Doe', givenName: '', suffix: '' });
});
