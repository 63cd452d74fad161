import type { Attributes, Queryable, QueryLevel } from '@adit/core';
import { isValidUid, tagOf, tagToHex, textOf, textsOf } from '@adit/core';
import { createDimseClient } from '@adit/dimse';
import { readHeaderFile } from './arguments.ts';
import type { Output } from './output.ts';
import { parsePlace } from './place.ts';
import { UsageError } from './usage-error.ts';

export interface FindOptions {
  level: QueryLevel;
  key?: Record<string, string>;
  limit?: number;
  headerFile?: string;
}

/** `adit find NODE --level … -k KEY=VALUE…`: one line a match. */
export async function findCommand(
  output: Output,
  target: string,
  options: FindOptions,
  signal: AbortSignal,
): Promise<boolean> {
  const place = parsePlace(target);
  const keys = options.key ?? {};
  for (const [key, value] of Object.entries(keys)) checkKey(key, value);
  if (place.kind !== 'dimse' && place.kind !== 'dicomweb')
    throw new UsageError('Files cannot be searched: name a DIMSE node or a DICOMweb service.');
  await using client =
    place.kind === 'dimse' ? createDimseClient(place.node) : await openDicomWeb(place.url, options);

  let matches = 0;
  const query = {
    level: options.level,
    keys,
    ...(options.limit === undefined ? {} : { limit: options.limit }),
  };
  for await (const match of client.find(query, { signal })) {
    matches += 1;
    output.event(match, describe(match, options.level));
  }
  output.summary(
    { ok: true, matches, seconds: output.seconds() },
    matches === 1 ? '1 match.' : `${matches} matches.`,
  );
  return true;
}

async function openDicomWeb(url: string, { headerFile }: FindOptions): Promise<Queryable & AsyncDisposable> {
  const { createDicomWebClient } = await import('@adit/dicomweb');
  return createDicomWebClient({ url, ...(headerFile ? { headers: await readHeaderFile(headerFile) } : {}) });
}

function checkKey(key: string, value: string): void {
  const tag = /^[0-9a-f]{8}$/i.test(key) ? Number.parseInt(key, 16) : tagOf(key);
  if (tag === undefined)
    throw new UsageError(`"${key}" is neither a keyword of the standard nor eight hexadecimal digits.`);
  if (key.endsWith('InstanceUID') || tagToHex(tag) === '00080018') {
    for (const uid of value.split('\\')) {
      if (uid !== '' && !/[*?]/.test(uid) && !isValidUid(uid)) {
        throw new UsageError(`"${uid}" is not a UID: it has digits and dots only, 64 characters at most.`);
      }
    }
  }
}

const COLUMNS = {
  PATIENT: ['PatientID', 'PatientName', 'PatientBirthDate', 'NumberOfPatientRelatedStudies'],
  STUDY: [
    'StudyInstanceUID',
    'PatientID',
    'PatientName',
    'StudyDate',
    'ModalitiesInStudy',
    'NumberOfStudyRelatedInstances',
    'StudyDescription',
  ],
  SERIES: [
    'SeriesInstanceUID',
    'SeriesNumber',
    'Modality',
    'NumberOfSeriesRelatedInstances',
    'SeriesDescription',
  ],
  IMAGE: ['SOPInstanceUID', 'InstanceNumber'],
} as const satisfies Record<QueryLevel, readonly string[]>;

/** A match as a line for people, columns separated by tabs. */
function describe(match: Attributes, level: QueryLevel): string {
  return COLUMNS[level]
    .map(
      (keyword) =>
        (keyword === 'ModalitiesInStudy' ? textsOf(match, keyword).join(',') : textOf(match, keyword)) || '–',
    )
    .join('\t');
}
