import {
  characterSetOf,
  dictionaryEntry,
  encodeFileMeta,
  isTextVr,
  type Tag,
  Tags,
  TransferSyntax,
  type Vr,
} from '@adit/core';
import { concatenated } from '../dataset/stamps.ts';
import type { Identifier } from '../identifiers/identifier.ts';
import { datasetOf, el, type Part, sq, testSopClassUid } from './dataset.ts';

/** Eight character sets and people who are called in them. */
const populations: readonly {
  terms: readonly string[];
  families: readonly string[];
  given: readonly string[];
}[] = [
  {
    terms: ['ISO_IR 100'],
    families: ['Müller', 'Großmann', 'Lefèvre', 'Nuñez'],
    given: ['Änne', 'Jürgen', 'Zoé'],
  },
  {
    terms: ['ISO_IR 101'],
    families: ['Dvořák', 'Wiśniewski', 'Kovács'],
    given: ['Jiří', 'Małgorzata', 'Ágnes'],
  },
  { terms: ['ISO_IR 144'], families: ['Люксембург', 'Иванова', 'Щербаков'], given: ['Наталья', 'Фёдор'] },
  { terms: ['ISO_IR 126'], families: ['Διονυσίου', 'Παπαδόπουλος'], given: ['Νίκος', 'Ελένη'] },
  {
    terms: ['', 'ISO 2022 IR 87'],
    families: ['Yamada=山田', 'Suzuki=鈴木', 'Takahashi=高橋'],
    given: ['Tarou=太郎', 'Hanako=花子'],
  },
  {
    terms: ['', 'ISO 2022 IR 149'],
    families: ['Hwangbo=황보', 'Namgung=남궁'],
    given: ['Gildong=길동', 'Youngsu=영수'],
  },
  { terms: ['GB18030'], families: ['Sima=司马', 'Ouyang=欧阳'], given: ['XiaoDong=小东', 'Meiling=美玲'] },
  { terms: ['ISO_IR 192'], families: ['Šostakovič', 'Østergård', 'Çavuşoğlu'], given: ['Þóra', 'Łukasz'] },
];

/** Groups of patient, study, series, equipment, images, reports, plans and whatever else objects are made of. */
const groups = [
  0x0008, 0x0010, 0x0012, 0x0014, 0x0018, 0x0020, 0x0022, 0x0024, 0x0028, 0x0032, 0x0034, 0x0038, 0x003a,
  0x0040, 0x0042, 0x0044, 0x0046, 0x0048, 0x0050, 0x0052, 0x0054, 0x0060, 0x0062, 0x0064, 0x0066, 0x0068,
  0x0070, 0x0072, 0x0074, 0x0076, 0x0078, 0x0080, 0x0082, 0x0088, 0x0100, 0x2000, 0x2010, 0x2100, 0x2200,
  0x3002, 0x3004, 0x3006, 0x3008, 0x300a, 0x300c, 0x300e, 0x3010, 0x4000, 0x4008, 0x4010,
];

/** Attributes that make a header that of the patient. */
const own: ReadonlySet<Tag> = new Set<Tag>([Tags.PatientName, Tags.PatientID, Tags.AccessionNumber]);

/** All attributes whose text depends on the character set, but names, which are identifiers themselves. */
const textAttributes: readonly { tag: Tag; vr: Vr }[] = groups.flatMap((group) => {
  const found: { tag: Tag; vr: Vr }[] = [];
  for (let element = 1; element <= 0xffff; element++) {
    const tag = group * 0x10000 + element;
    const entry = dictionaryEntry(tag);
    if (entry !== undefined && isTextVr(entry.vr) && entry.vr !== 'PN' && !own.has(tag)) {
      found.push({ tag, vr: entry.vr });
    }
  }
  return found;
});

/** How many text attributes there are to plant in. */
export const textAttributeCount = textAttributes.length;

/** Headers of one patient in a row. */
const perPatient = 50;

/** Attributes of one header in which something is planted. */
const perHeader = 60;

export interface PlantedHeader {
  /** A file without pixels. */
  file: Uint8Array;
  sopInstanceUid: string;
  identifiers: Identifier[];
  /** Where which identifier stands, as `Leak` tells it. */
  planted: { path: string; identifier: number }[];
}

/**
 * The header of this number, always the same: of one of eight character sets, with identifiers of its patient, whole or in
 * part, in a window of all text attributes that moves on from header to header; in sequences and private attributes too.
 */
export function plantedHeader(index: number): PlantedHeader {
  const patient = Math.floor(index / perPatient);
  const { terms, families, given } = populations[patient % populations.length]!;
  const family = families[Math.floor(patient / 8) % families.length]!;
  const first = given[Math.floor(patient / 24) % given.length]!;
  const name = nameOf(family, first);
  const number = 4_000_000 + ((patient * 7_919) % 999_983);
  const day = String(1 + (patient % 28)).padStart(2, '0');
  const month = String(1 + (patient % 12)).padStart(2, '0');
  const year = 1921 + (patient % 70);
  const sopInstanceUid = `1.2.276.0.${number}.${patient}.${index + 1}`;
  const identifiers: Identifier[] = [
    { kind: 'name', text: name },
    { kind: 'id', text: `PAT-${number}` },
    { kind: 'birth-date', text: `${year}${month}${day}` },
    { kind: 'id', text: `A${number + 1}` },
    { kind: 'uid', text: sopInstanceUid },
  ];
  const alphabetic = [family, first].map((part) => part.split('=')[0]!);
  const ideographic = [family, first].map((part) => part.split('=')[1]);
  const spellings: readonly (readonly [number, string])[] = [
    [0, alphabetic[0]!],
    [0, alphabetic[0]!.toUpperCase()],
    [0, `${alphabetic[1]} ${alphabetic[0]}`],
    [0, ideographic[0] ?? `${alphabetic[0]}, ${alphabetic[1]}`],
    [0, ideographic[0] === undefined ? alphabetic.join('^') : ideographic.join('')],
    [1, `PAT-${number}`],
    [1, `pat${number}`],
    [2, `${year}-${month}-${day}`],
    [2, `${day}.${month}.${year}`],
    [2, `${year}${month}${day}`],
    [3, `a${number + 1}`],
    [4, sopInstanceUid],
  ];

  const characterSet = characterSetOf(terms);
  const encode = (text: string, vr: Vr): Uint8Array => {
    const bytes = characterSet.encode(text, vr);
    if (bytes === undefined) throw new Error(`${terms.join()} lacks a character of the test.`);
    return bytes;
  };
  const planted: PlantedHeader['planted'] = [];
  let turn = index;
  const plant = (tag: Tag, vr: Vr, path: string): Part => {
    const [identifier, spelled] = spellings[turn++ % spellings.length]!;
    planted.push({ path, identifier });
    const text = turn % 3 === 0 ? spelled : `${['see', 'for', '12'][turn % 3]} ${spelled} (ok)`;
    return el(tag, vr, encode(text, vr));
  };
  const pathOf = (tag: Tag) => {
    const hex = tag.toString(16).toUpperCase().padStart(8, '0');
    return `(${hex.slice(0, 4)},${hex.slice(4)})`;
  };

  const parts: Part[] = [
    el(Tags.SpecificCharacterSet, 'CS', terms.join('\\')),
    el(Tags.SOPInstanceUID, 'UI', sopInstanceUid),
    el(Tags.AccessionNumber, 'SH', `A${number + 1}`),
    el(Tags.PatientName, 'PN', encode(name, 'PN')),
    el(Tags.PatientID, 'LO', `PAT-${number}`),
    el(Tags.PatientBirthDate, 'DA', `${year}${month}${day}`),
    el(0x00090010, 'LO', 'ACME'),
    plant(0x00091001, 'LO', '(0009,1001)'),
    plant(0x00091002, 'UT', '(0009,1002)'),
    sq(Tags.RequestAttributesSequence, [
      [plant(0x00400007, 'LO', '(0040,0275)[0].(0040,0007)')],
      [
        sq(Tags.ConceptCodeSequence, [
          [plant(Tags.CodeMeaning, 'LO', '(0040,0275)[1].(0040,A168)[0].(0008,0104)')],
        ]),
      ],
    ]),
  ];
  for (let i = 0; i < perHeader; i++) {
    const { tag, vr } = textAttributes[(index * perHeader + i) % textAttributes.length]!;
    parts.push(plant(tag, vr, pathOf(tag)));
  }
  const dataset = datasetOf(parts, TransferSyntax.ExplicitVrLittleEndian);
  const transferSyntaxUid = TransferSyntax.ExplicitVrLittleEndian;
  const meta = encodeFileMeta({ sopClassUid: testSopClassUid, sopInstanceUid, transferSyntaxUid });
  planted.push({ path: '(0002,0003)', identifier: 4 });
  return { file: concatenated([meta, dataset]), sopInstanceUid, identifiers, planted };
}

function nameOf(family: string, first: string): string {
  const [families, givens] = [family.split('='), first.split('=')];
  return families.map((part, group) => `${part}^${givens[group]}`).join('=');
}
