import type { Attributes } from '../data/attributes.ts';
import { TransferSyntax } from '../data/transfer-syntax.ts';
import { createRandom, syntheticUid } from './random.ts';
import type {
  SyntheticInstance,
  SyntheticInstanceOptions,
  SyntheticPatient,
  SyntheticStudyModule,
} from './types.ts';

/** Options of an instance with all defaults filled in, and what follows from them. */
export interface InstanceContext {
  readonly seed: string;
  readonly patient: Required<SyntheticPatient>;
  readonly study: Required<SyntheticStudyModule>;
  readonly seriesNumber: number;
  readonly instanceNumber: number;
  readonly instances: number;
  readonly rows: number;
  readonly columns: number;
  readonly frames: number;
  readonly description: string;
  readonly bodyPart: string;
  readonly findings: string;
  readonly evidence: readonly SyntheticInstance[];
  readonly extra: Attributes;
  readonly body: 'trunk' | 'head';
  readonly transferSyntaxUid: string;
  /** A UID of this instance, by name. */
  uid(name: string): string;
  readonly studyInstanceUid: string;
  readonly seriesInstanceUid: string;
  readonly sopInstanceUid: string;
  readonly frameOfReferenceUid: string;
  /** Time of the study plus some seconds; empty when the study has none. Stays within the day. */
  timeAfter(seconds: number): string;
}

/** What a kind fills in where the caller says nothing. */
export interface KindDefaults {
  readonly rows: number;
  readonly columns: number;
  /** Does the kind have several frames in an instance? */
  readonly multiFrame: boolean;
}

function addSeconds(time: string, seconds: number): string {
  const match = /^(\d\d)(\d\d)(\d\d)$/.exec(time);
  if (match === null) return '';
  const start = Number(match[1]) * 3600 + Number(match[2]) * 60 + Number(match[3]);
  const total = Math.min(start + seconds, 24 * 3600 - 1);
  const two = (value: number) => String(Math.floor(value)).padStart(2, '0');
  return two(total / 3600) + two((total / 60) % 60) + two(total % 60);
}

export function instanceContext(options: SyntheticInstanceOptions, defaults: KindDefaults): InstanceContext {
  const {
    seed = 'adit',
    kind,
    seriesNumber = 1,
    instanceNumber = 1,
    instances = 1,
    rows = defaults.rows,
    columns = options.rows ?? defaults.columns,
    frames = 10,
    description = `Synthetic ${kind}`,
    bodyPart = 'CHEST',
    findings = 'No finding: the object was generated.',
    evidence = [],
    attributes = {},
    transferSyntaxUid = TransferSyntax.ExplicitVrLittleEndian,
  } = options;
  const numbers = createRandom(`${seed}/numbers`);
  const patient = {
    id: `SYN${String(numbers.uint32() % 1_000_000).padStart(6, '0')}`,
    name: 'Synthetic^Patient',
    birthDate: '19600615',
    sex: 'O' as const,
    ...options.patient,
  };
  const study = {
    date: '20240115',
    time: '101500',
    description: 'Synthetic study',
    accessionNumber: `A${String(numbers.uint32() % 100_000_000).padStart(8, '0')}`,
    id: '1',
    referringPhysicianName: 'Referring^Physician',
    institutionName: 'Synthetic Hospital',
    ...options.study,
  };
  return {
    seed,
    patient,
    study,
    seriesNumber,
    instanceNumber,
    instances,
    rows,
    columns,
    frames: defaults.multiFrame ? frames : 1,
    description,
    bodyPart,
    findings,
    evidence,
    extra: attributes,
    body: bodyPart === 'HEAD' || bodyPart === 'BRAIN' ? 'head' : 'trunk',
    transferSyntaxUid,
    uid: (name) => syntheticUid(seed, 'study', seriesNumber, instanceNumber, name),
    studyInstanceUid: syntheticUid(seed, 'study'),
    seriesInstanceUid: syntheticUid(seed, 'study', seriesNumber),
    sopInstanceUid: syntheticUid(seed, 'study', seriesNumber, instanceNumber),
    frameOfReferenceUid: syntheticUid(seed, 'frame of reference'),
    timeAfter: (seconds) => addSeconds(study.time, seconds),
  };
}
