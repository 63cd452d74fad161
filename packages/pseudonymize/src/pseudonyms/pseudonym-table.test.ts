import { HeldBackError } from '@adit/core';
import { describe, expect, test } from 'vitest';
import { pseudonymTable } from './pseudonym-table.ts';

describe('a table of pseudonyms', () => {
  test.each([
    ['commas', 'PatientID,Pseudonym\n1001,P1\n1002,P2\n'],
    ['semicolons, a byte order mark and CRLF', '\uFEFFPatient ID;Pseudonym\r\n1001;P1\r\n1002;P2\r\n'],
    ['tabs and other columns', 'Pseudonym\tAge\tPATIENT_ID\nP1\t30\t1001\n\nP2\t40\t 1002 '],
    ['quotes', '"PatientID","Pseudonym"\n"1001","P1"\n"1002","P2"'],
    ['a patient who comes twice', 'PatientID,Pseudonym\n1001,P1\n1001,P1\n1002,P2'],
  ])('is read with %s', (_, csv) => {
    const pseudonymOf = pseudonymTable(csv);
    expect(pseudonymOf({ issuer: '', patientId: '1001' })).toBe('P1');
    expect(pseudonymOf({ issuer: 'Anybody', patientId: '1002' })).toBe('P2');
  });

  test('tells hospitals apart where it has a column for it', () => {
    const pseudonymOf = pseudonymTable('PatientID,IssuerOfPatientID,Pseudonym\n1,A,PA\n1,B,PB\n1,,P');
    expect(pseudonymOf({ issuer: 'A', patientId: '1' })).toBe('PA');
    expect(pseudonymOf({ issuer: 'B', patientId: '1' })).toBe('PB');
    expect(pseudonymOf({ issuer: '', patientId: '1' })).toBe('P');
    expect(() => pseudonymOf({ issuer: 'C', patientId: '1' })).toThrow(HeldBackError);
  });

  test('keeps leading zeros, and what else looks like a number', () => {
    const pseudonymOf = pseudonymTable('PatientID,Pseudonym\n007,0010\n7,11\n');
    expect(pseudonymOf({ issuer: '', patientId: '007' })).toBe('0010');
    expect(pseudonymOf({ issuer: '', patientId: '7' })).toBe('11');
  });

  test('holds back patients it lacks, or fails as asked', () => {
    const csv = 'PatientID,Pseudonym\n1001,P1\n';
    expect(() => pseudonymTable(csv)({ issuer: '', patientId: '9' })).toThrow(HeldBackError);
    expect(() => pseudonymTable(csv)({ issuer: '', patientId: '' })).toThrow(HeldBackError);
    expect(() => pseudonymTable(csv, { missing: 'fail' })({ issuer: '', patientId: '9' })).toThrow(
      expect.objectContaining({ code: 'UNKNOWN_PATIENT' }),
    );
  });

  test.each([
    ['nothing', '', /no column PatientID/],
    ['no header', '1001,P1\n1002,P2\n', /no column PatientID/],
    ['no pseudonyms', 'PatientID,Name\n1001,P1\n', /no column Pseudonym/],
    ['a column twice', 'PatientID,Patient_ID,Pseudonym\n1001,1,P1\n', /two columns are called Patient_ID/],
    ['no rows', 'PatientID,Pseudonym\n\n', /it has no patients/],
    ['a row without a patient', 'PatientID,Pseudonym\n1001,P1\n,P2\n', /row 3 has no Patient ID/],
    ['a row without a pseudonym', 'PatientID,Pseudonym\n1001,P1\n1002,\n', /row 3 has no pseudonym/],
    ['a pseudonym that is a wildcard', 'PatientID,Pseudonym\n1001,P*\n', /row 2 has no pseudonym of/],
    ['a quote that does not end', 'PatientID,Pseudonym\n1001,"P1\n1002,P2\n', /row 2 has no pseudonym of/],
    [
      'two pseudonyms for a patient',
      'PatientID,Pseudonym\n1001,P1\n1002,P2\n1001,P3\n',
      /rows 2 and 4 give one patient two/,
    ],
    [
      'one pseudonym for two patients',
      'PatientID,Pseudonym\n1001,P1\n1002,P1\n',
      /rows 2 and 3 give two patients one/,
    ],
  ])('is refused with %s, and the message quotes nothing', (_, csv, message) => {
    let error: unknown;
    try {
      pseudonymTable(csv);
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toMatchObject({ code: 'INVALID_PSEUDONYM_TABLE', message: expect.stringMatching(message) });
    expect(String(error)).not.toMatch(/100[12]|P[123]/);
  });
});
