import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SopClass } from './sop-class.ts';
import { generateUid, isValidUid, uidFromBytes } from './uid.ts';
import { isStorageSopClass, registeredUid, storageSopClasses } from './uid-registry.ts';

describe('UIDs', () => {
  it('are valid by PS3.5 §9.1', () => {
    for (const uid of ['1.2', '0.0', '1.2.840.10008.1.1', `1.${'2'.repeat(62)}`])
      expect(isValidUid(uid), uid).toBe(true);
    for (const uid of ['', '1', '1.', '.1', '1..2', '1.02', '1.2 ', '1.a', '1.2\n', `1.${'2'.repeat(63)}`]) {
      expect(isValidUid(uid), uid).toBe(false);
    }
  });

  it('are made of a UUID as one number (PS3.5 §B.2)', () => {
    // f81d4fae-7dec-81d0-8765-00a0c91e6bf6 is a UUID of version 8 already.
    const bytes = Uint8Array.from([
      0xf8, 0x1d, 0x4f, 0xae, 0x7d, 0xec, 0x81, 0xd0, 0x87, 0x65, 0x00, 0xa0, 0xc9, 0x1e, 0x6b, 0xf6,
    ]);
    expect(uidFromBytes(bytes)).toBe(`2.25.${BigInt('0xf81d4fae7dec81d0876500a0c91e6bf6')}`);
  });

  it('have the version and the variant of a UUID whatever bytes they are made of', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 16, maxLength: 16 }), (bytes) => {
        const uid = uidFromBytes(bytes);
        expect(isValidUid(uid)).toBe(true);
        const hex = BigInt(uid.slice(5)).toString(16).padStart(32, '0');
        expect(hex[12]).toBe('8');
        expect('89ab').toContain(hex[16]);
      }),
    );
  });

  it('are new each time they are generated', () => {
    const uids = new Set(Array.from({ length: 1000 }, generateUid));
    expect(uids.size).toBe(1000);
    for (const uid of uids) expect(isValidUid(uid)).toBe(true);
    expect(
      BigInt([...uids][0]!.slice(5))
        .toString(16)
        .padStart(32, '0')[12],
    ).toBe('4');
  });

  it('are not made of another number of bytes', () => {
    expect(() => uidFromBytes(new Uint8Array(15))).toThrow(
      expect.objectContaining({ code: 'INVALID_ARGUMENT' }),
    );
  });
});

describe('registry', () => {
  it.each([
    ['1.2.840.10008.1.1', 'Verification SOP Class', 'SOP Class', false],
    [
      '1.2.840.10008.1.2.4.202',
      'High-Throughput JPEG 2000 with RPCL Options Image Compression (Lossless Only)',
      'Transfer Syntax',
      false,
    ],
    [
      '1.2.840.10008.1.4.1.1',
      'Talairach Brain Atlas Frame of Reference',
      'Well-known frame of reference',
      false,
    ],
    ['1.2.840.10008.2.16.4', 'DICOM Controlled Terminology', 'Coding Scheme', false],
    ['1.2.840.10008.5.1.4.1.1.5', 'Nuclear Medicine Image Storage', 'SOP Class', true],
    ['1.2.840.10008.1.5.1', 'Hot Iron Color Palette SOP Instance', 'Well-known SOP Instance', false],
    ['1.2.840.10008.15.1.1', 'Universal Coordinated Time', 'Synchronization Frame of Reference', false],
    ['1.2.840.10008.6.1.308', 'Context group', 'Context Group Name', false],
  ])('has %s', (uid, name, type, retired) => {
    expect(registeredUid(uid)).toEqual({ uid, name, type, retired });
  });

  it('has no others', () => {
    for (const uid of [
      '1.2.3',
      '1.2.840.10008.1.99',
      '1.2.840.10008.6.1',
      '1.2.840.10008.6.1.1.2',
      '1.2.840.1000',
    ]) {
      expect(registeredUid(uid), uid).toBeUndefined();
    }
  });

  it('tells what is stored from what is not', () => {
    const classes = storageSopClasses().map(({ uid }) => uid);
    for (const [name, uid] of Object.entries(SopClass)) {
      const stored = /Storage(ForPresentation|ForProcessing)?$/.test(name);
      expect(isStorageSopClass(uid), name).toBe(stored);
      expect(classes.includes(uid), name).toBe(stored);
      expect(registeredUid(uid)?.type, name).toBe('SOP Class');
    }
    expect(classes.length).toBeGreaterThan(150);
  });
});
