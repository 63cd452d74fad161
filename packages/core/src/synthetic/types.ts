import type { Attributes } from '../data/attributes.ts';
import type { DicomInstance } from '../transfer/types.ts';

/** What can be generated; each is one SOP class. */
export type SyntheticKind =
  /** CT Image Storage: 16-bit slices of a volume. */
  | 'CT'
  /** MR Image Storage: 16-bit slices of a volume. */
  | 'MR'
  /** Ultrasound Image Storage: one RGB picture. */
  | 'US'
  /** Ultrasound Multi-frame Image Storage: an RGB clip. */
  | 'US-multi-frame'
  /** Secondary Capture Image Storage: an RGB screen shot. */
  | 'SC'
  /** Basic Text SR Storage: a report on the images before it in the study. */
  | 'SR'
  /** Enhanced CT Image Storage: a volume in one object, with functional groups. */
  | 'enhanced-CT'
  /** Enhanced MR Image Storage: a volume in one object, with functional groups. */
  | 'enhanced-MR';

export interface SyntheticPatient {
  /** Patient ID. Default: one made from the seed. */
  id?: string;
  /**
   * Patient's Name with its component groups: `Yamada^Tarou=山田^太郎=やまだ^たろう`. Default: `Synthetic^Patient`.
   */
  name?: string;
  /** `YYYYMMDD`; an empty text leaves it out, as objects of the unknown do. Default: `19600615`. */
  birthDate?: string;
  /** Default: `O`. */
  sex?: 'M' | 'F' | 'O' | '';
}

export interface SyntheticStudyModule {
  /** `YYYYMMDD`. Default: `20240115`. */
  date?: string;
  /** `HHMMSS`; an empty text leaves all times out. Default: `101500`. */
  time?: string;
  /** Default: `Synthetic study`. */
  description?: string;
  /** Default: one made from the seed. */
  accessionNumber?: string;
  /** Default: `1`. */
  id?: string;
  /** Default: `Referring^Physician`. */
  referringPhysicianName?: string;
  /** Default: `Synthetic Hospital`. */
  institutionName?: string;
}

/** What all instances of a study share. */
export interface SyntheticStudyContext {
  /** The same seed and options give the same bytes and the same UIDs. Default: `adit`. */
  seed?: string;
  patient?: SyntheticPatient;
  study?: SyntheticStudyModule;
  /**
   * Specific Character Set (0008,0005). Default: none when all texts are ASCII, ISO_IR 100 when that has all characters,
   * else ISO_IR 192.
   */
  specificCharacterSet?: readonly string[];
}

export interface SyntheticSeriesOptions {
  kind: SyntheticKind;
  /** How many instances the series has; slices divide the body among them. Default: 1. */
  instances?: number;
  /** Default: 512 for CT and SC, 256 for MR, 480 for US. */
  rows?: number;
  /** Default: as `rows`, 640 for US. */
  columns?: number;
  /** Of multi-frame kinds. Default: 10. */
  frames?: number;
  /** Series Description. Default: the name of the kind. */
  description?: string;
  /** Body Part Examined: `HEAD` and `BRAIN` show a head, all others a trunk. Default: `CHEST`. */
  bodyPart?: string;
  /** What an SR says under its heading "Findings". Default: one sentence. */
  findings?: string;
  /**
   * Implicit or explicit VR little endian, explicit VR big endian, deflated, or RLE Lossless, which an SR ignores.
   * Default: explicit VR little endian.
   */
  transferSyntaxUid?: string;
  /** Attributes to add or replace in each instance, all with tags below that of the pixel data. Default: none. */
  attributes?: Attributes;
}

export interface SyntheticInstanceOptions extends SyntheticStudyContext, SyntheticSeriesOptions {
  /** Series Number; with the seed it decides on the Series Instance UID. Default: 1. */
  seriesNumber?: number;
  /** Instance Number, from 1 to `instances`; with the above it decides on the SOP Instance UID. Default: 1. */
  instanceNumber?: number;
  /** Images that an SR names as its evidence. Default: none. */
  evidence?: readonly SyntheticInstance[];
}

export interface SyntheticStudyOptions extends SyntheticStudyContext {
  /** Default: one CT series of three slices. */
  series?: readonly SyntheticSeriesOptions[];
}

/** A generated instance. Its data set may be read as often as one likes, several times at once too. */
export interface SyntheticInstance extends DicomInstance {
  /** What comes before the pixel data. */
  readonly attributes: Attributes;
}
