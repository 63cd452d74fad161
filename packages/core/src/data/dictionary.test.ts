import { describe, expect, it } from 'vitest';
import { dictionaryEntry, keywordOf, tagOf, vrOf } from './dictionary.ts';
import { Tags } from './tags.ts';
import { TransferSyntax, transferSyntax } from './transfer-syntax.ts';
import { registeredUid } from './uid-registry.ts';

describe('dictionary', () => {
  it('knows an attribute by its tag and by its keyword', () => {
    const entry = { tag: 0x00100010, keyword: 'PatientName', vr: 'PN', vrs: ['PN'], vm: '1', retired: false };
    expect(dictionaryEntry(0x00100010)).toEqual(entry);
    expect(tagOf('PatientName')).toBe(0x00100010);
    expect(tagOf('patientName')).toBeUndefined();
  });

  it('keeps the choices of VR that the standard leaves, the usual one first', () => {
    expect(dictionaryEntry(0x7fe00010)?.vrs).toEqual(['OW', 'OB']);
    expect(dictionaryEntry(0x00280106)?.vrs).toEqual(['US', 'SS']);
    expect(dictionaryEntry(0x00283006)?.vrs).toEqual(['OW', 'US']);
  });

  it('knows multiplicity and what is retired', () => {
    expect(dictionaryEntry(0x00080008)).toMatchObject({ vm: '2-n', retired: false });
    expect(dictionaryEntry(0x00101000)).toMatchObject({ vm: '1-n', retired: true });
  });

  it('knows repeating groups, in even groups alone', () => {
    expect(keywordOf(0x60003000)).toBe('OverlayData');
    expect(keywordOf(0x601e3000)).toBe('OverlayData');
    expect(keywordOf(0x60013000)).toBeUndefined();
    expect(keywordOf(0x50003000)).toBe('CurveData');
    expect(keywordOf(0x00203142)).toBe('SourceImageIDs');
    expect(tagOf('OverlayData')).toBe(0x60003000);
  });

  it('knows command elements, file meta information, and what came after the main source', () => {
    expect(keywordOf(0x00000100)).toBe('CommandField');
    expect(keywordOf(0x00020010)).toBe('TransferSyntaxUID');
    expect(dictionaryEntry(0x00100047)).toMatchObject({ vr: 'UR' });
  });

  it('gives every tag a VR', () => {
    expect(vrOf(0x00100010)).toBe('PN');
    expect(vrOf(0x00090010)).toBe('LO');
    expect(vrOf(0x00091001)).toBe('UN');
    expect(vrOf(0x00100000)).toBe('UL');
    expect(vrOf(0x00101fff)).toBe('UN');
  });

  it('has every constant of Tags under its name', () => {
    for (const [keyword, tag] of Object.entries(Tags)) expect(keywordOf(tag), keyword).toBe(keyword);
  });
});

describe('transfer syntaxes', () => {
  it('are named as PS3.6 Annex A names them', () => {
    for (const uid of Object.values(TransferSyntax)) {
      expect(transferSyntax(uid)?.name).toBe(registeredUid(uid)?.name);
    }
  });
});
