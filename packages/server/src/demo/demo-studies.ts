import { attributesFrom } from '@adit/core';
import type {
  SyntheticPatient,
  SyntheticSeriesOptions,
  SyntheticStudyModule,
  SyntheticStudyOptions,
} from '@adit/core/synthetic';

interface DemoStudy {
  /** Days before the first day of the demo. */
  daysAgo: number;
  /** An empty text: the study has no time. */
  time: string;
  study: SyntheticStudyModule;
  series: readonly SyntheticSeriesOptions[];
}

interface DemoPatient {
  patient: SyntheticPatient;
  /** Default: what the names need. */
  specificCharacterSet?: readonly string[];
  institutionName: string;
  studies: readonly DemoStudy[];
}

/** Laterality is required of paired body parts (PS3.3 §C.7.3.1). */
const rightSide = attributesFrom({ Laterality: 'R' });

const GERMAN_HOSPITAL = 'Universitätsklinikum Musterstadt';
const ENGLISH_HOSPITAL = 'Demo General Hospital';

/*
 * People who do not exist, with what makes real lists hard: umlauts, letters beyond Latin-1, names in three scripts, two
 * people of one name, missing birth dates and study times, prior studies, a report without images.
 */
const demoPatients: readonly DemoPatient[] = [
  {
    patient: { id: 'P-100234', name: 'Müller^Jörg', birthDate: '19530412', sex: 'M' },
    institutionName: GERMAN_HOSPITAL,
    studies: [
      {
        daysAgo: 1,
        time: '084512',
        study: { description: 'CT Thorax nativ', referringPhysicianName: 'Weiß^Sabine^^Dr.' },
        series: [
          { kind: 'CT', instances: 60, description: 'Thorax 5.0 Weichteil' },
          { kind: 'CT', instances: 30, rows: 256, description: 'Lunge koronar' },
          {
            kind: 'SR',
            description: 'Befund',
            findings:
              'Im linken Oberlappen größenkonstanter Rundherd, keine neu aufgetretenen Herde, kein Erguss.',
          },
        ],
      },
      {
        daysAgo: 96,
        time: '101130',
        study: { description: 'CT Thorax nativ', referringPhysicianName: 'Weiß^Sabine^^Dr.' },
        series: [
          { kind: 'CT', instances: 40, description: 'Thorax 5.0 Weichteil' },
          {
            kind: 'SR',
            description: 'Befund',
            findings: 'Rundherd im linken Oberlappen, Kontrolle in drei Monaten.',
          },
        ],
      },
    ],
  },
  {
    // The letter ş is in none of the Latin sets of western hospitals: this one is in UTF-8.
    patient: { id: 'P-100871', name: 'Özdemir^Ayşe', birthDate: '19880923', sex: 'F' },
    institutionName: GERMAN_HOSPITAL,
    studies: [
      {
        daysAgo: 0,
        time: '073005',
        study: { description: 'MRT Schädel mit KM', referringPhysicianName: 'Yıldız^Deniz' },
        series: [
          { kind: 'MR', instances: 24, bodyPart: 'HEAD', description: 't1_se_tra' },
          { kind: 'MR', instances: 24, bodyPart: 'HEAD', description: 't1_se_tra_KM' },
          { kind: 'SC', bodyPart: 'HEAD', description: 'Rekonstruktion' },
        ],
      },
    ],
  },
  {
    patient: {
      id: 'P-200015',
      name: 'Yamada^Tarou=山田^太郎=やまだ^たろう',
      birthDate: '19700101',
      sex: 'M',
    },
    // Default repertoire, and JIS X 0208 by escape sequences (PS3.5 Annex H).
    specificCharacterSet: ['', 'ISO 2022 IR 87'],
    institutionName: ENGLISH_HOSPITAL,
    studies: [
      {
        daysAgo: 3,
        time: '151947',
        study: { description: 'CT head without contrast', referringPhysicianName: 'Suzuki^Hanako=鈴木^花子' },
        series: [{ kind: 'CT', instances: 24, bodyPart: 'HEAD', description: 'Head 5.0' }],
      },
      {
        daysAgo: 30,
        time: '111502',
        study: { description: 'MR brain', referringPhysicianName: 'Suzuki^Hanako=鈴木^花子' },
        series: [{ kind: 'enhanced-MR', frames: 30, bodyPart: 'HEAD', description: 'T1 volume' }],
      },
    ],
  },
  {
    patient: { id: 'P-100555', name: 'Groß-Schäfer^Änne^^Dr.', birthDate: '19380228', sex: 'F' },
    institutionName: GERMAN_HOSPITAL,
    studies: [
      {
        daysAgo: 2,
        time: '140000',
        study: { description: 'Sonographie Abdomen', referringPhysicianName: 'Hoffmann^Götz' },
        series: [
          { kind: 'US', instances: 8, bodyPart: 'ABDOMEN', description: 'Oberbauch' },
          { kind: 'US-multi-frame', frames: 12, bodyPart: 'ABDOMEN', description: 'Oberbauch Clip' },
          {
            kind: 'SR',
            description: 'Befund',
            findings: 'Leber normal groß, keine Stauung der Nierenbecken, keine freie Flüssigkeit.',
          },
        ],
      },
      {
        daysAgo: 400,
        time: '093315',
        study: { description: 'CT Abdomen mit KM portalvenös', referringPhysicianName: 'Hoffmann^Götz' },
        series: [{ kind: 'CT', instances: 30, bodyPart: 'ABDOMEN', description: 'Abdomen 5.0' }],
      },
    ],
  },
  {
    patient: { id: 'P-300102', name: "O'Connor^Mary^Elizabeth", birthDate: '', sex: 'F' },
    institutionName: ENGLISH_HOSPITAL,
    studies: [
      {
        daysAgo: 7,
        time: '',
        study: { description: 'CT chest, outside study', referringPhysicianName: '' },
        series: [{ kind: 'CT', instances: 16, rows: 256, description: 'Chest' }],
      },
      {
        daysAgo: 6,
        time: '160540',
        study: { description: 'US abdomen complete', referringPhysicianName: 'Smith^John^^Dr.' },
        series: [{ kind: 'US', instances: 6, bodyPart: 'ABDOMEN', description: 'Abdomen' }],
      },
    ],
  },
  {
    patient: { id: 'P-100990', name: 'Wiśniewski^Paweł', birthDate: '19910705', sex: 'M' },
    // Latin-2.
    specificCharacterSet: ['ISO_IR 101'],
    institutionName: GERMAN_HOSPITAL,
    studies: [
      {
        daysAgo: 14,
        time: '121212',
        study: { description: 'MRT Knie rechts', referringPhysicianName: 'Krüger^Heike' },
        series: [
          {
            kind: 'MR',
            instances: 20,
            bodyPart: 'KNEE',
            description: 'pd_tse_fs_sag',
            attributes: rightSide,
          },
          { kind: 'MR', instances: 20, bodyPart: 'KNEE', description: 't1_tse_cor', attributes: rightSide },
        ],
      },
    ],
  },
  {
    patient: { id: 'P-300417', name: 'Παπαδόπουλος^Νίκος', birthDate: '19621119', sex: 'M' },
    institutionName: ENGLISH_HOSPITAL,
    studies: [
      {
        daysAgo: 21,
        time: '083000',
        study: { description: 'CT chest, multi-frame', referringPhysicianName: 'Smith^John^^Dr.' },
        series: [{ kind: 'enhanced-CT', frames: 40, description: 'Chest volume' }],
      },
    ],
  },
  {
    // The same name as the first patient, another person.
    patient: { id: 'P-101777', name: 'Müller^Jörg', birthDate: '19810803', sex: 'M' },
    institutionName: GERMAN_HOSPITAL,
    studies: [
      {
        daysAgo: 5,
        time: '',
        study: { description: 'CT Schädel, auswärtige Aufnahme', referringPhysicianName: '' },
        series: [{ kind: 'CT', instances: 12, rows: 256, bodyPart: 'HEAD', description: 'Schädel 5.0' }],
      },
      {
        daysAgo: 4,
        time: '233059',
        study: { description: 'Befundbericht', referringPhysicianName: 'Krüger^Heike' },
        series: [{ kind: 'SR', description: 'Befund', findings: 'Kein Nachweis einer Blutung.' }],
      },
    ],
  },
];

/** `YYYYMMDD` of a day before another. */
function dateBefore(day: string, days: number): string {
  const date = new Date(`${day.slice(0, 4)}-${day.slice(4, 6)}-${day.slice(6)}T12:00:00Z`);
  date.setUTCDate(date.getUTCDate() - days);
  return date.toISOString().slice(0, 10).replaceAll('-', '');
}

/**
 * The studies of the demo, as they are to be generated.
 *
 * @param firstDay `YYYYMMDD`; the studies are from this day and the days before
 */
export function demoStudies(firstDay: string): SyntheticStudyOptions[] {
  return demoPatients.flatMap(({ patient, studies, specificCharacterSet, institutionName }) =>
    studies.map(({ daysAgo, time, study, series }) => {
      const date = dateBefore(firstDay, daysAgo);
      return {
        seed: `demo/${firstDay}/${patient.id}/${daysAgo}`,
        patient,
        study: { ...study, date, time, institutionName, accessionNumber: `${date}-${patient.id?.slice(-4)}` },
        series,
        ...(specificCharacterSet && { specificCharacterSet }),
      };
    }),
  );
}
