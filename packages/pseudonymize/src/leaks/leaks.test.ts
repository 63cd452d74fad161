// What the scanner finds, in bytes made by hand: the identifier stands in them as a test says, and nowhere else.

import { characterSetOf, type Tag, Tags, TransferSyntax, writePart10 } from '@adit/core';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { concatenated } from '../dataset/stamps.ts';
import type { Identifier } from '../identifiers/identifier.ts';
import { latin1Bytes } from '../identifiers/text.ts';
import {
  chunksOf,
  collect,
  datasetOf,
  el,
  type Part,
  sq,
  testSopClassUid,
  unSq,
} from '../testing/dataset.ts';
import { identifiersOf } from './identifiers-of.ts';
import { LeakSearch } from './leak-search.ts';
import { type ScanForLeaksOptions, scanForLeaks } from './scan-for-leaks.ts';

const { ExplicitVrLittleEndian, ImplicitVrLittleEndian, ExplicitVrBigEndian } = TransferSyntax;

const name: Identifier = { kind: 'name', text: 'Müller^Änne^Maria' };
const japanese: Identifier = { kind: 'name', text: 'Yamada^Tarou=山田^太郎=やまだ^たろう' };
const id: Identifier = { kind: 'id', text: 'PAT-1001234' };
const birthDate: Identifier = { kind: 'birth-date', text: '19501211' };
const uid: Identifier = { kind: 'uid', text: '1.2.276.0.7230010.3.1.2.1787205428.166' };

const comments: Tag = 0x00204000;

async function leaksIn(
  parts: readonly Part[],
  identifiers: readonly Identifier[],
  options: ScanForLeaksOptions = {},
) {
  const transferSyntaxUid = options.transferSyntaxUid ?? ExplicitVrLittleEndian;
  const bytes = datasetOf(parts, transferSyntaxUid);
  const { leaks, isDicom } = await scanForLeaks(bytes, identifiers, { ...options, transferSyntaxUid });
  expect(isDicom).toBe(true);
  return leaks;
}

/** Encodings in which the bytes of a private OB, which nothing says the meaning of, hold the identifier. */
async function encodingsIn(bytes: Uint8Array | string, identifier: Identifier): Promise<string[]> {
  const leaks = await leaksIn([el(0x00091001, 'OB', bytes)], [identifier]);
  return leaks.map(({ encoding }) => encoding);
}

describe('names', () => {
  test.each([
    'Müller',
    'MÜLLER',
    'mueller',
    'Muller',
    'Frau Änne M.',
    'Maria Müller',
    'MÜLLER_ANNE',
    'Mu\u0308ller',
  ])('%s is one of the patient', async (text) => {
    const [leak] = await leaksIn(
      [el(Tags.SpecificCharacterSet, 'CS', 'ISO_IR 192'), el(comments, 'LT', Buffer.from(text))],
      [id, name],
    );
    expect(leak).toMatchObject({ identifier: 1, kind: 'name', path: '(0020,4000)' });
  });

  test.each(['Muell', 'Annex', 'mull of wool', 'An', 'Mari'])('%s is none', async (text) => {
    expect(await leaksIn([el(comments, 'LT', text)], [name])).toEqual([]);
  });

  test('short ones count where they stand alone, and not in codes', async () => {
    const long: Identifier = { kind: 'name', text: 'Head^Long' };
    const find = (tag: Tag, vr: 'CS' | 'LO', text: string) => leaksIn([el(tag, vr, text)], [long]);
    expect(await find(Tags.SeriesDescription, 'LO', 'long axis')).toHaveLength(1);
    expect(await find(Tags.SeriesDescription, 'LO', 'longitudinal')).toEqual([]);
    expect(await find(Tags.BodyPartExamined, 'CS', 'HEAD')).toEqual([]);
  });

  test('those of two letters count in one with the rest', async () => {
    const wu: Identifier = { kind: 'name', text: 'Wu^Li' };
    expect(await leaksIn([el(comments, 'LT', 'Li, Wu')], [wu])).toHaveLength(1);
    expect(await leaksIn([el(comments, 'LT', 'li')], [wu])).toEqual([]);
    expect(await encodingsIn(utf16('Wu Li', true), wu)).toEqual(['UTF-16']);
  });

  test.each([
    ['half-width kana', 'ﾔﾏﾀﾞ'],
    ['katakana', 'ヤマダ'],
    ['the given name first', '太郎 山田'],
  ])('in %s', async (_, text) => {
    const parts = [el(Tags.SpecificCharacterSet, 'CS', 'ISO_IR 192'), el(comments, 'LT', Buffer.from(text))];
    expect(await leaksIn(parts, [japanese])).toHaveLength(1);
  });
});

describe('character sets, whatever the one declared', () => {
  test.each([
    ['Müller^Änne', 'ISO_IR 100'],
    ['Dvořák^Jiří', 'ISO_IR 101'],
    ['Ċamilleri^Ġorġ', 'ISO_IR 109'],
    ['Bērziņš^Jānis', 'ISO_IR 110'],
    ['Люкceмбypг^Наталья', 'ISO_IR 144'],
    ['قباني^لنزار', 'ISO_IR 127'],
    ['Διονυσιος^Νικος', 'ISO_IR 126'],
    ['שרון^דבורה', 'ISO_IR 138'],
    ['Çavuşoğlu^İpek', 'ISO_IR 148'],
    ['สมชาย^ใจดี', 'ISO_IR 166'],
    ['Šœur^Zoë', 'ISO_IR 203'],
    ['ﾔﾏﾀﾞ^ﾀﾛｳ', 'ISO_IR 13'],
    ['山田^太郎', 'ISO 2022 IR 87'],
    ['丂丄^丅', 'ISO 2022 IR 159'],
    ['김희중^길동', 'ISO 2022 IR 149'],
    ['张三丰^小东', 'ISO 2022 IR 58'],
    ['王小东^小', 'GB18030'],
    ['王小东^小', 'GBK'],
    ['Wang^XiaoDong=王^小东', 'ISO_IR 192'],
  ])('%s in %s', async (text, term) => {
    const identifier: Identifier = { kind: 'name', text };
    const terms = term.includes('2022') ? ['', term] : [term];
    const family = text.split('=').at(-1)!.split('^')[0]!;
    const encode = (value: string) => {
      const bytes = characterSetOf(terms).encode(value, 'LO');
      if (bytes === undefined) return undefined;
      return concatenated([latin1Bytes('with '), bytes, latin1Bytes(' and more')]);
    };
    const bytes = encode(family.length > 1 ? family : text.split('=').at(-1)!) ?? encode(family.slice(0, 3));
    expect(bytes).toBeDefined();
    expect(await encodingsIn(bytes!, identifier)).not.toEqual([]);
    // As the data set says it is, too.
    const parts = [el(Tags.SpecificCharacterSet, 'CS', terms.join('\\')), el(comments, 'LT', bytes!)];
    expect(await leaksIn(parts, [identifier])).not.toEqual([]);
  });

  test.each([true, false])('UTF-16, little endian %s', async (littleEndian) => {
    for (const text of ['Müller', 'MÜLLER', 'änne']) {
      const bytes = concatenated([Uint8Array.of(1, 2), utf16(`x ${text}.`, littleEndian)]);
      expect(await encodingsIn(bytes, name)).toEqual(['UTF-16']);
    }
  });
});

describe('in other writing', () => {
  const values = [
    ['name', name, 'Müller'],
    ['id', id, 'PAT-1001234'],
    ['uid', uid, uid.text],
    ['date', birthDate, '1950-12-11'],
  ] as const;

  test.each(values)('hex: %s', async (_, identifier, text) => {
    for (const separator of ['', ' ', ':', '-', '\\x']) {
      const hex = Array.from(Buffer.from(text), (byte) => byte.toString(16).padStart(2, '0')).join(separator);
      for (const written of [hex, hex.toUpperCase()]) {
        expect(await encodingsIn(`"${written}"`, identifier), written).toEqual(['hex']);
      }
    }
  });

  test.each(values)('base64, wherever it begins among other bytes: %s', async (_, identifier, text) => {
    for (const before of ['', '!', '!!', '!!!']) {
      for (const after of ['', '?', '??', '???']) {
        const bytes = Buffer.from(before + text + after);
        for (const alphabet of ['base64', 'base64url'] as const) {
          expect(await encodingsIn(`"${bytes.toString(alphabet)}"`, identifier)).toEqual(['base64']);
        }
      }
    }
  });

  test('escapes of JSON and of URLs', async () => {
    expect(await encodingsIn('"M\\u00fcller"', name)).toEqual(['json']);
    expect(await encodingsIn('?q=M%C3%BCller&', name)).toEqual(['percent']);
  });
});

describe('dates', () => {
  test.each([
    '19501211',
    '1950-12-11',
    '1950.12.11',
    '11.12.1950',
    '12/11/1950',
    '11/12/1950',
    '11 Dec 1950',
    '11-DEC-1950',
    'December 11, 1950',
    '11. Dezember 1950',
    '11 décembre 1950',
    '11.12.50',
    '19501211120000.000+0100',
    'born 1950/12/11.',
  ])('%s', async (text) => {
    const parts = [el(Tags.SpecificCharacterSet, 'CS', 'ISO_IR 100'), el(comments, 'LT', text)];
    expect(await leaksIn(parts, [birthDate])).toMatchObject([{ kind: 'birth-date' }]);
    if (!/50$|é/.test(text)) expect(await encodingsIn(text, birthDate)).not.toEqual([]);
  });

  test.each(['19501212', '1950-11-12', '1950'])('%s is another', async (text) => {
    expect(await encodingsIn(text, birthDate)).toEqual([]);
  });

  test('digits of a UID are none', async () => {
    expect(await leaksIn([el(Tags.StudyInstanceUID, 'UI', '2.25.3195012115')], [birthDate])).toEqual([]);
  });

  test('a digit less is no reason to miss it', async () => {
    const early: Identifier = { kind: 'birth-date', text: '19500102' };
    for (const text of ['2.1.1950', '1/2/1950', '2 Jan 1950', '1950-1-2']) {
      expect(await encodingsIn(text, early), text).toEqual(['ASCII']);
    }
  });
});

describe('numbers and UIDs', () => {
  test('a number counts where it is one, zeros before it or not', async () => {
    const number: Identifier = { kind: 'id', text: '0062115' };
    for (const text of ['0062115', '62115936 0062115', 'x62115x']) {
      expect(await encodingsIn(text, { kind: 'id', text: '62115' }), text).toHaveLength(
        text.includes('x') ? 0 : 1,
      );
    }
    expect(await encodingsIn('00000062115', number)).toHaveLength(1);
    expect(await leaksIn([el(Tags.StudyInstanceUID, 'UI', '2.25.1006211512345')], [number])).toEqual([]);
  });

  test('a UID counts as a whole', async () => {
    expect(await encodingsIn(`see ${uid.text}`, uid)).toEqual(['ASCII']);
    expect(await encodingsIn(`${uid.text}7`, uid)).toEqual([]);
    expect(await encodingsIn(uid.text.slice(0, -1), uid)).toEqual([]);
  });

  test('many UIDs of one root are told apart', async () => {
    const uids = Array.from(
      { length: 3000 },
      (_, i): Identifier => ({ kind: 'uid', text: `1.2.276.0.7.${i}.1` }),
    );
    const leaks = await leaksIn([el(Tags.StudyInstanceUID, 'UI', '1.2.276.0.7.2999.1')], uids);
    expect(leaks).toMatchObject([{ identifier: 2999, kind: 'uid' }]);
  });
});

describe('places', () => {
  const text = 'about PAT-1001234';

  test('nested and private elements are told by their path', async () => {
    const parts = [
      el(0x00090010, 'LO', text),
      sq(Tags.ContentSequence, [[], [el(Tags.TextValue, 'UT', text)]], { undefinedLength: true }),
      unSq(0x00091002, [[el(0x00091003, 'LO', text)]], { undefinedLength: true }),
      unSq(0x00091004, [[el(0x00091003, 'LO', text)]]),
    ];
    for (const transferSyntaxUid of [ExplicitVrLittleEndian, ImplicitVrLittleEndian, ExplicitVrBigEndian]) {
      const leaks = await leaksIn(parts, [id], { transferSyntaxUid });
      const bytes = datasetOf(parts, transferSyntaxUid);
      expect(leaks.map(({ path }) => path)).toEqual([
        '(0009,0010)',
        '(0009,1002)[0].(0009,1003)',
        '(0009,1004)',
        '(0040,A730)[1].(0040,A160)',
      ]);
      for (const { offset } of leaks) {
        expect(
          Buffer.from(bytes)
            .subarray(offset, offset + 11)
            .toString(),
        ).toBe(id.text);
      }
    }
  });

  test('preamble and file meta information', async () => {
    const file = await collect(
      writePart10(
        {
          sopClassUid: testSopClassUid,
          sopInstanceUid: uid.text,
          transferSyntaxUid: ExplicitVrLittleEndian,
          dataset: chunksOf(datasetOf([el(comments, 'LT', text)], ExplicitVrLittleEndian), 100),
        },
        { sourceAeTitle: 'PAT-1001234' },
      ),
    );
    file.set(latin1Bytes('PAT-1001234'), 20);
    for (const input of [file, chunksOf(file, 7)]) {
      const { leaks, isDicom, bytes } = await scanForLeaks(input, [id, uid]);
      expect(isDicom).toBe(true);
      expect(bytes).toBe(file.length);
      expect(leaks.map(({ identifier, path }) => [identifier, path])).toEqual([
        [0, undefined],
        [1, '(0002,0003)'],
        [0, '(0002,0016)'],
        [0, '(0020,4000)'],
      ]);
      for (const leak of leaks.filter(({ identifier }) => identifier === 0)) {
        expect(
          Buffer.from(file)
            .subarray(leak.offset, leak.offset + 11)
            .toString(),
        ).toBe(id.text);
      }
    }
  });

  test('files that are no DICOM, and data sets that end early', async () => {
    const csv = await scanForLeaks(chunksOf(latin1Bytes(`a;b\n${text};c\n`), 3), [id]);
    expect(csv).toMatchObject({ isDicom: false, leaks: [{ kind: 'id', offset: 10 }] });
    const cut = datasetOf([el(comments, 'LT', `${text} and more`)], ExplicitVrLittleEndian).slice(0, -4);
    for (const chunkSize of [cut.length, 50, 3]) {
      const options = { transferSyntaxUid: ExplicitVrLittleEndian };
      const { isDicom, leaks, bytes } = await scanForLeaks(chunksOf(cut, chunkSize), [id], options);
      expect(isDicom).toBe(false);
      expect(bytes).toBe(cut.length);
      expect(leaks).toHaveLength(1);
      expect(Buffer.from(cut).subarray(leaks[0]!.offset).toString()).toMatch(/^PAT-1001234/);
    }
  });

  test('pixels, where eight characters are needed, unless they are skipped', async () => {
    const pixels = new Uint8Array(300_000).map((_, i) => (i * 31) & 0xff);
    pixels.set(latin1Bytes('PAT-1001234'), 65_530);
    pixels.set(latin1Bytes('Annika'), 1000);
    const parts = [el(Tags.PixelData, 'OW', pixels)];
    const identifiers: Identifier[] = [id, { kind: 'name', text: 'Annika' }];
    expect(await leaksIn(parts, identifiers)).toMatchObject([{ identifier: 0, path: '(7FE0,0010)' }]);
    expect(await leaksIn(parts, identifiers, { pixelData: 'skip' })).toEqual([]);
  });

  test('elements to be skipped do not count', async () => {
    const parts = [el(Tags.StudyDate, 'DA', '19501211'), el(comments, 'LT', '1950-12-11')];
    const leaks = await leaksIn(parts, [birthDate], { skip: ({ vr }) => vr === 'DA' });
    expect(leaks.map(({ path }) => path)).toEqual(['(0020,4000)']);
  });

  test('what lies in two values is in none', async () => {
    const parts = [el(0x00091001, 'OB', 'PAT-10'), el(0x00091002, 'OB', '01234 ')];
    expect(await leaksIn(parts, [id])).toEqual([]);
  });
});

describe('whatever the chunks', () => {
  test('the same is found in long values and in short ones', async () => {
    const search = new LeakSearch([name, id, birthDate, uid]);
    const words = fc.constantFrom(
      'Müller',
      'Anne',
      'PAT-1001234',
      'UEFULTEwMDEyMzQ',
      '1950-12-11',
      'x',
      ' y ',
      uid.text,
    );
    await fc.assert(
      fc.asyncProperty(
        fc.array(words, { maxLength: 6 }),
        fc.integer({ min: 0, max: 100_000 }),
        fc.integer({ min: 1000, max: 70_000 }),
        async (texts, length, chunkSize) => {
          const filler = '. '.repeat(length / 2);
          const bytes = datasetOf(
            [
              el(0x00091001, 'UT', texts.map((text) => filler + text).join(' ')),
              el(comments, 'LT', texts.join(' ')),
            ],
            ExplicitVrLittleEndian,
          );
          const options = { transferSyntaxUid: ExplicitVrLittleEndian };
          const whole = await scanForLeaks(bytes, search, options);
          const cut = await scanForLeaks(chunksOf(bytes, chunkSize), search, options);
          const key = ({ identifier, path }: { identifier: number; path?: string }) =>
            `${identifier} ${path}`;
          expect(cut.leaks.map(key).toSorted()).toEqual(whole.leaks.map(key).toSorted());
          const present = new Set(texts.filter((text) => text.length > 3));
          expect(whole.leaks.length > 0).toBe(present.size > 0);
        },
      ),
      { numRuns: 15 },
    );
  });
});

describe('identifiers of an original', () => {
  test('names, numbers, dates, UIDs, institutions and long texts, not what PS3.6 registers', async () => {
    const bytes = datasetOf(
      [
        el(Tags.SpecificCharacterSet, 'CS', 'ISO_IR 100'),
        el(Tags.StudyDate, 'DA', '20230102'),
        el(Tags.InstitutionName, 'LO', 'University Hospital'),
        el(Tags.PatientName, 'PN', 'M\xfcller^\xc4nne'),
        el(Tags.PatientID, 'LO', ' PAT-1 '),
        el(Tags.PatientBirthDate, 'DA', '19501211'),
        el(Tags.PatientComments, 'LT', 'lives next to the station'),
        el(Tags.PixelData, 'OW', new Uint8Array(8)),
      ],
      ExplicitVrLittleEndian,
    );
    const identifiers = await identifiersOf(bytes, { transferSyntaxUid: ExplicitVrLittleEndian });
    expect(identifiers).toEqual([
      { kind: 'name', text: 'Müller^Änne' },
      { kind: 'id', text: 'PAT-1' },
      { kind: 'birth-date', text: '19501211' },
      { kind: 'date', text: '20230102' },
      { kind: 'institution', text: 'University Hospital' },
      { kind: 'text', text: 'lives next to the station' },
      { kind: 'uid', text: '1.2.3.4.5.6.7.8.9' },
    ]);
  });

  test('what is no DICOM file is told so', async () => {
    await expect(identifiersOf(latin1Bytes('no file'))).rejects.toMatchObject({ code: 'NOT_DICOM' });
  });
});

function utf16(text: string, littleEndian: boolean): Uint8Array {
  const bytes = Buffer.from(text, 'utf16le');
  return littleEndian ? bytes : bytes.swap16();
}
