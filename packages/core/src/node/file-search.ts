import { attributesFrom, textOf } from '../data/attribute-access.ts';
import type { Attributes } from '../data/attributes.ts';
import { parseTag, type Tag, tagToHex } from '../data/tag.ts';
import { Tags } from '../data/tags.ts';
import { DicomError } from '../errors.ts';
import { matches } from '../query/matching.ts';
import { returnKeys } from '../query/return-keys.ts';
import type { AbortableOptions, Query } from '../query/types.ts';
import type { FileIndex, FileStorage, IndexedSeries, IndexedStudy } from './file-index.ts';
import { HEADER_TAGS } from './read-dicom-file.ts';

/** Something a query may find. */
interface Candidate<File> {
  /** What the index knows of it. */
  attributes: Attributes;
  /** A file that knows more. */
  file: File;
}

/** Finds the patients, studies, series or instances of an index that match. */
export async function* searchFiles<File>(
  storage: FileStorage<File>,
  index: FileIndex<File>,
  query: Query,
  { signal }: AbortableOptions = {},
): AsyncGenerator<Attributes, void, undefined> {
  const asked = tagsOf(query);
  const unindexed = asked.filter((tag) => !INDEXED.has(tag));
  const returned = new Set([...returnKeys(query.level).map((key) => parseTag(key)!), ...asked].map(tagToHex));
  let left = query.limit ?? Number.POSITIVE_INFINITY;
  for (const { attributes, file } of candidates(index, query)) {
    if (left <= 0) return;
    signal?.throwIfAborted();
    const more = unindexed.length > 0 ? await moreOf(storage, file, unindexed) : {};
    const known = { ...more, ...attributes };
    if (!matches(known, query)) continue;
    yield Object.fromEntries(Object.entries(known).filter(([key]) => returned.has(key)));
    left -= 1;
  }
}

/** Attributes a file does not hold, but a query can be answered with. */
const COUNTED: readonly Tag[] = [
  Tags.ModalitiesInStudy,
  Tags.NumberOfPatientRelatedStudies,
  Tags.NumberOfStudyRelatedSeries,
  Tags.NumberOfStudyRelatedInstances,
  Tags.NumberOfSeriesRelatedInstances,
];

const INDEXED: ReadonlySet<Tag> = new Set([...HEADER_TAGS, ...COUNTED, Tags.SOPClassUID]);

function tagsOf(query: Query): Tag[] {
  return Object.keys(query.keys).map((key) => {
    const tag = parseTag(key);
    if (tag !== undefined) return tag;
    throw new DicomError('INVALID_QUERY', `${key} is not an attribute of DICOM: check the query's keys.`);
  });
}

function* candidates<File>(index: FileIndex<File>, query: Query): Generator<Candidate<File>> {
  if (query.level === 'PATIENT') {
    yield* patients(index);
    return;
  }
  for (const study of index.values()) {
    const ofStudy = { ...study.attributes, ...studyCounts(study) };
    if (query.level === 'STUDY') yield { attributes: ofStudy, file: firstFile(study) };
    else {
      for (const series of study.series.values()) {
        const ofSeries = { ...ofStudy, ...series.attributes, ...seriesCounts(series) };
        if (query.level === 'SERIES') yield { attributes: ofSeries, file: firstFileOf(series) };
        else {
          for (const { attributes, file } of series.instances.values()) {
            yield { attributes: { ...ofSeries, ...attributes }, file };
          }
        }
      }
    }
  }
}

function* patients<File>(index: FileIndex<File>): Generator<Candidate<File>> {
  const byId = Map.groupBy(index.values(), (study) => textOf(study.attributes, Tags.PatientID) ?? '');
  for (const studies of byId.values()) {
    const [first] = studies;
    const ofPatient = Object.entries(first!.attributes).filter(([key]) => key.startsWith('0010'));
    const attributes = {
      ...Object.fromEntries(ofPatient),
      ...attributesFrom({ NumberOfPatientRelatedStudies: studies.length }),
    };
    yield { attributes, file: firstFile(first!) };
  }
}

function studyCounts<File>({ series }: IndexedStudy<File>): Attributes {
  const all = [...series.values()];
  const modalities = all.map(({ attributes }) => textOf(attributes, Tags.Modality) ?? '');
  return attributesFrom({
    ModalitiesInStudy: [...new Set(modalities)].filter((one) => one !== '').sort(),
    NumberOfStudyRelatedSeries: all.length,
    NumberOfStudyRelatedInstances: all.reduce((sum, { instances }) => sum + instances.size, 0),
  });
}

const seriesCounts = <File>({ instances }: IndexedSeries<File>): Attributes =>
  attributesFrom({ NumberOfSeriesRelatedInstances: instances.size });

const firstFile = <File>({ series }: IndexedStudy<File>): File => firstFileOf(series.values().next().value!);

const firstFileOf = <File>({ instances }: IndexedSeries<File>): File => instances.values().next().value!.file;

/** A file that has gone since its header was read knows nothing. */
async function moreOf<File>(
  storage: FileStorage<File>,
  file: File,
  tags: readonly Tag[],
): Promise<Attributes> {
  return storage.readHeader(file, tags).then(
    ({ attributes }) => attributes,
    () => ({}),
  );
}
