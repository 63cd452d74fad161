import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { attributesFrom } from '../data/attribute-access.ts';
import { tagOf } from '../data/dictionary.ts';
import { identifierOf } from './identifier.ts';
import { createLocalFilter, matches, matchesIdentifier, matchesWildcard } from './matching.ts';
import { returnKeys } from './return-keys.ts';

const study = attributesFrom({
  PatientName: 'Doe^John^^Dr.=山田^太郎',
  PatientID: 'A-1',
  PatientBirthDate: '19700131',
  StudyInstanceUID: '1.2.3',
  StudyDate: '20240115',
  StudyTime: '103045.5',
  StudyDescription: 'CT Abdomen',
  ModalitiesInStudy: ['CT', 'SR'],
  AccessionNumber: '',
  SeriesNumber: '+4',
  PatientWeight: '61.50',
  Rows: 512,
  AcquisitionDateTime: '20240115103045+0100',
  RequestAttributesSequence: [
    { RequestedProcedureID: 'P1', ScheduledProcedureStepID: 'S1' },
    { RequestedProcedureID: 'P2', ScheduledProcedureStepID: 'S2' },
  ],
});

function isMatch(keys: Record<string, string>, options = {}): boolean {
  return matches(study, { level: 'STUDY', keys }, options);
}

describe('single values', () => {
  it.each<[Record<string, string>, boolean]>([
    [{ PatientID: 'A-1' }, true],
    [{ PatientID: 'A-1 ' }, true],
    [{ PatientID: 'a-1' }, false],
    [{ PatientID: 'A' }, false],
    [{ StudyDescription: 'ct abdomen' }, false],
    [{ PatientBirthDate: '19700131' }, true],
    [{ PatientBirthDate: '1970.01.31' }, true],
    [{ PatientBirthDate: '19700130' }, false],
    // Numbers are compared as such.
    [{ SeriesNumber: '4' }, true],
    [{ SeriesNumber: '04' }, true],
    [{ SeriesNumber: '40' }, false],
    [{ PatientWeight: '61.5' }, true],
    [{ Rows: '512' }, true],
    [{ Rows: '511' }, false],
    // One of several values is enough.
    [{ ModalitiesInStudy: 'SR' }, true],
    [{ ModalitiesInStudy: 'MR' }, false],
    [{ ModalitiesInStudy: 'MR\\CT' }, true],
    // Digits instead of a keyword.
    [{ '00100020': 'A-1' }, true],
    // All keys must match.
    [{ PatientID: 'A-1', SeriesNumber: '5' }, false],
  ])('%j: %s', (keys, expected) => {
    expect(isMatch(keys)).toBe(expected);
  });
});

describe('lists of UIDs', () => {
  it('match by one of them, without wildcards', () => {
    expect(isMatch({ StudyInstanceUID: '1.2.4\\1.2.3' })).toBe(true);
    expect(isMatch({ StudyInstanceUID: '1.2.4\\1.2.30' })).toBe(false);
    expect(isMatch({ StudyInstanceUID: '1.2.*' })).toBe(false);
    expect(isMatch({ StudyInstanceUID: '*' })).toBe(true);
  });
});

describe('universal matching', () => {
  it('takes absent and empty values, which no other key does', () => {
    for (const key of ['AccessionNumber', 'InstitutionName']) {
      expect(isMatch({ [key]: '' })).toBe(true);
      expect(isMatch({ [key]: '*' })).toBe(true);
      expect(isMatch({ [key]: 'A' })).toBe(false);
      expect(isMatch({ [key]: '?*' })).toBe(false);
    }
  });
});

test.each<[Record<string, string>, boolean]>([
  [{ AccessionNumber: '""' }, true],
  [{ InstitutionName: '""' }, true],
  [{ PatientID: '""' }, false],
  [{ StudyDate: '""' }, false],
  [{ SeriesDate: '""' }, true],
])('two quotation marks ask for what is empty or absent: %j: %s', (keys, expected) => {
  expect(isMatch(keys)).toBe(expected);
});

describe('wildcards', () => {
  it.each<[Record<string, string>, boolean]>([
    [{ StudyDescription: 'CT*' }, true],
    [{ StudyDescription: 'CT' }, false],
    [{ StudyDescription: '*Abdomen' }, true],
    [{ StudyDescription: 'C? *men' }, true],
    [{ StudyDescription: 'T*' }, false],
    [{ StudyDescription: 'CT.Abdomen' }, false],
    [{ PatientID: 'A??' }, true],
    [{ PatientID: 'A?' }, false],
    // Not in VRs that have none.
    [{ SeriesNumber: '*4' }, false],
  ])('%j: %s', (keys, expected) => {
    expect(isMatch(keys)).toBe(expected);
  });

  it('match as the same pattern does as a regular expression', () => {
    const sign = fc.constantFrom('a', 'b', 'ä', '*', '?', '😀');
    const character = fc.constantFrom('a', 'b', 'ä', '😀');
    fc.assert(
      fc.property(
        fc.array(sign, { maxLength: 8 }),
        fc.array(character, { maxLength: 10 }),
        (pattern, value) => {
          const expression = pattern.map((s) => (s === '*' ? '.*' : s === '?' ? '.' : s)).join('');
          const expected = new RegExp(`^${expression}$`, 'su').test(value.join(''));
          expect(matchesWildcard(value.join(''), pattern.join(''))).toBe(expected);
        },
      ),
      { numRuns: 1000 },
    );
  });

  it('take time that grows with the lengths alone', () => {
    expect(matchesWildcard('a'.repeat(20_000), `${'*a'.repeat(200)}b`)).toBe(false);
  });
});

describe('names', () => {
  it.each<[string, boolean]>([
    ['Doe^John^^Dr.', true],
    ['DOE^JOHN^^DR.', true],
    ['doe^john*', true],
    ['Doe^John', false],
    ['Doe*^John*', true],
    ['Do?^*', true],
    ['Doe', false],
    ['山田^太郎', true],
    ['山田*', true],
    ['Doe^John*=山田*', true],
    ['Doe^John*=鈴木*', false],
    ['=山田*', true],
    ['==やまだ', false],
  ])('%s: %s', (key, expected) => {
    expect(isMatch({ PatientName: key })).toBe(expected);
  });

  it('end where their last component does', () => {
    const padded = attributesFrom({ PatientName: 'Doe ^John^^' });
    const key = (name: string) => ({ level: 'STUDY' as const, keys: { PatientName: name } });
    expect(matches(padded, key('Doe^John'))).toBe(true);
    expect(matches(attributesFrom({ PatientName: 'Doe^John' }), key('Doe^John^^^'))).toBe(true);
    // A letter and its accent as one character or as two.
    expect(matches(attributesFrom({ PatientName: 'Mu\u0308ller' }), key('MÜLLER'))).toBe(true);
  });
});

it('takes no notice of case when asked to, but in identifiers', () => {
  expect(isMatch({ StudyDescription: 'ct abd*' })).toBe(false);
  expect(isMatch({ StudyDescription: 'ct abd*' }, { caseInsensitive: true })).toBe(true);
  expect(isMatch({ PatientID: 'a-1' }, { caseInsensitive: true })).toBe(false);
  expect(isMatch({ ModalitiesInStudy: 'ct' }, { caseInsensitive: true })).toBe(false);
  const filter = createLocalFilter(
    { level: 'STUDY', keys: { StudyDescription: 'CT ABDOMEN' } },
    { caseInsensitive: true },
  );
  expect(filter(study)).toBe(true);
});

describe('ranges', () => {
  it.each<[Record<string, string>, boolean]>([
    [{ StudyDate: '20240101-20240131' }, true],
    [{ StudyDate: '20240115-20240115' }, true],
    [{ StudyDate: '20240116-' }, false],
    [{ StudyDate: '-20240115' }, true],
    [{ StudyDate: '-20240114' }, false],
    [{ StudyTime: '1030-1031' }, true],
    // The end of a range is as long as it is inexact.
    [{ StudyTime: '09-10' }, true],
    [{ StudyTime: '-1029' }, false],
    [{ StudyTime: '-103045' }, true],
    [{ StudyTime: '103045.5' }, true],
    [{ StudyTime: '103045' }, false],
    [{ AcquisitionDateTime: '2024-2025' }, true],
    [{ AcquisitionDateTime: '202401-' }, true],
    [{ AcquisitionDateTime: '20240115093045+0000' }, true],
    [{ AcquisitionDateTime: '20240115093046+0000-' }, false],
    // What is no date matches nothing, and is no open end.
    [{ StudyDate: '20240230-' }, false],
    [{ StudyDate: 'yesterday' }, false],
  ])('%j: %s', (keys, expected) => {
    expect(isMatch(keys)).toBe(expected);
  });

  it('of dates and times are matched apart, or as one range of moments when asked to', () => {
    const overnight = { StudyDate: '20240114-20240115', StudyTime: '2200-1100' };
    expect(isMatch(overnight)).toBe(false);
    expect(isMatch(overnight, { combinedDateTime: true })).toBe(true);
    expect(isMatch({ ...overnight, StudyTime: '2200-1000' }, { combinedDateTime: true })).toBe(false);
    expect(isMatch({ StudyDate: '20240115-20240116', StudyTime: '1031-' }, { combinedDateTime: true })).toBe(
      false,
    );
    expect(isMatch({ StudyDate: '20240114-20240116', StudyTime: '1031-' }, { combinedDateTime: true })).toBe(
      true,
    );
    expect(isMatch({ StudyDate: '20240101-20240131' }, { combinedDateTime: true })).toBe(true);
  });

  it('do not take a value that is no date', () => {
    const broken = attributesFrom({ StudyDate: '00000000' });
    expect(matches(broken, { level: 'STUDY', keys: { StudyDate: '20240101-' } })).toBe(false);
    expect(matches(broken, { level: 'STUDY', keys: { StudyDate: '00000000' } })).toBe(true);
  });
});

describe('sequences', () => {
  const ask = (item: Record<string, string>) =>
    matchesIdentifier(study, attributesFrom({ RequestAttributesSequence: [item] }));

  it('match by one item that matches all keys of the item asked for', () => {
    expect(ask({ RequestedProcedureID: 'P2', ScheduledProcedureStepID: 'S2' })).toBe(true);
    expect(ask({ RequestedProcedureID: 'P1', ScheduledProcedureStepID: 'S2' })).toBe(false);
    expect(ask({ RequestedProcedureID: 'P*' })).toBe(true);
  });

  it('match universally without keys', () => {
    expect(ask({})).toBe(true);
    expect(ask({ RequestedProcedureID: '' })).toBe(true);
    expect(
      matchesIdentifier({}, attributesFrom({ RequestAttributesSequence: [{ RequestedProcedureID: '' }] })),
    ).toBe(true);
    const nested = { RequestedProcedureCodeSequence: [{ CodeValue: '' }] };
    expect(matchesIdentifier({}, attributesFrom({ RequestAttributesSequence: [nested] }))).toBe(true);
  });
});

it('does not match by what only says something about the query', () => {
  const identifier = attributesFrom({
    QueryRetrieveLevel: 'STUDY',
    SpecificCharacterSet: 'ISO_IR 192',
    PatientID: 'A-1',
  });
  expect(matchesIdentifier(study, identifier)).toBe(true);
});

describe('createLocalFilter', () => {
  it('lets the first answer of each patient pass at patient level', () => {
    const filter = createLocalFilter({ level: 'PATIENT', keys: { PatientName: 'doe*' } });
    const answers = [
      attributesFrom({ PatientID: '1', PatientName: 'Doe^John' }),
      attributesFrom({ PatientID: '1', PatientName: 'Doe^John' }),
      attributesFrom({ PatientID: '1', PatientName: 'Doe^John', IssuerOfPatientID: 'X' }),
      attributesFrom({ PatientID: '2', PatientName: 'Roe^Jane' }),
      attributesFrom({ PatientID: '3', PatientName: 'Doe^Jane' }),
    ];
    expect(answers.map(filter)).toEqual([true, false, true, false, true]);
  });

  it('lets all matches pass at other levels', () => {
    const filter = createLocalFilter({ level: 'STUDY', keys: { PatientID: '1' } });
    const answer = attributesFrom({ PatientID: '1' });
    expect([answer, answer].map(filter)).toEqual([true, true]);
  });
});

describe('identifierOf', () => {
  it('asks for the usual keys of the level, and matches by those of the query', () => {
    expect(identifierOf({ level: 'STUDY', keys: { PatientID: 'A', StudyDate: '20240101-' } })).toEqual({
      ...attributesFrom(Object.fromEntries(returnKeys('STUDY').map((key) => [key, '']))),
      ...attributesFrom({ QueryRetrieveLevel: 'STUDY', PatientID: 'A', StudyDate: '20240101-' }),
    });
  });

  it('is UTF-8 where it must be', () => {
    expect(identifierOf({ level: 'STUDY', keys: { PatientName: 'Müller' } })).toMatchObject({
      '00080005': { vr: 'CS', Value: ['ISO_IR 192'] },
    });
  });
});

it('has return keys that the dictionary knows', () => {
  for (const level of ['PATIENT', 'STUDY', 'SERIES', 'IMAGE'] as const) {
    expect(returnKeys(level).length).toBeGreaterThan(4);
    for (const key of returnKeys(level)) expect(tagOf(key), key).toBeDefined();
  }
});
