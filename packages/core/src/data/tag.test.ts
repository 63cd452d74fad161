import fc from 'fast-check';
import { expect, it } from 'vitest';
import {
  formatTag,
  isGroupLength,
  isPrivate,
  isPrivateCreator,
  makeTag,
  parseTag,
  privateCreatorTag,
  tagElement,
  tagGroup,
  tagToHex,
} from './tag.ts';

it('puts a tag together and takes it apart, above 0x7FFFFFFF too', () => {
  const tag = makeTag(0xfffe, 0xe00d);
  expect(tag).toBe(0xfffee00d);
  expect([tagGroup(tag), tagElement(tag)]).toEqual([0xfffe, 0xe00d]);
  expect(formatTag(tag)).toBe('(FFFE,E00D)');
  expect(tagToHex(makeTag(0x0008, 0x0005))).toBe('00080005');
});

it('reads what it wrote', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 0xffffffff }), (tag) => {
      expect(parseTag(tagToHex(tag))).toBe(tag);
      expect(parseTag(formatTag(tag).toLowerCase())).toBe(tag);
      expect(parseTag(formatTag(tag).slice(1, -1))).toBe(tag);
    }),
  );
});

it('reads keywords, and nothing else', () => {
  expect(parseTag('PatientName')).toBe(0x00100010);
  for (const text of ['', 'patientname', '0010', '(0010,0010', '0010,0010)', '001000100', '00 100010']) {
    expect(parseTag(text), text).toBeUndefined();
  }
});

it('knows private blocks', () => {
  expect(isPrivate(0x00091001)).toBe(true);
  expect(isPrivate(0x00081001)).toBe(false);
  expect(isPrivateCreator(0x00090010)).toBe(true);
  expect(isPrivateCreator(0x00090110)).toBe(false);
  expect(isPrivateCreator(0x00080010)).toBe(false);
  expect(privateCreatorTag(0xffe11001)).toBe(0xffe10010);
  expect(privateCreatorTag(0x00090010)).toBeUndefined();
  expect(privateCreatorTag(0x00081001)).toBeUndefined();
  expect(isGroupLength(0x00100000)).toBe(true);
});
