import {
  type Attributes,
  attributesFrom,
  type JsonAttribute,
  type MatchingOptions,
  matchesIdentifier,
  type QueryLevel,
  Tags,
  tagToHex,
  textOf,
  textsOf,
} from '@adit/core';
import { attributesByLevel, matchingKeys } from './indexed-attributes.ts';

/** A file of the archive. */
export interface IndexedImage {
  readonly path: string;
  /** Size and time of change: what tells that a file is no longer the one that was indexed. */
  readonly fileSize: number;
  readonly modifiedMs: number;
  /** Where the data set begins in the file. */
  readonly datasetOffset: number;
  readonly sopClassUid: string;
  readonly sopInstanceUid: string;
  readonly transferSyntaxUid: string;
  readonly studyInstanceUid: string;
  readonly seriesInstanceUid: string;
}

interface ImageEntry extends IndexedImage {
  readonly attributes: Attributes;
}

interface SeriesEntry {
  attributes: Attributes;
  readonly images: Map<string, ImageEntry>;
}

interface StudyEntry {
  patient: Attributes;
  attributes: Attributes;
  /** Specific Character Set, for answers: texts are kept as Unicode. */
  characterSet: readonly string[];
  readonly series: Map<string, SeriesEntry>;
}

/** Objects by study and series, as far as they are known by their unique keys; an absent key stands for all. */
export interface UniqueKeys {
  patientIds?: ReadonlySet<string>;
  studyInstanceUids?: ReadonlySet<string>;
  seriesInstanceUids?: ReadonlySet<string>;
  sopInstanceUids?: ReadonlySet<string>;
}

/** What the archive holds, in memory. */
export interface ArchiveIndex {
  readonly size: number;
  /**
   * Takes in an image with what its header says, as far as that is indexed. One with the same SOP Instance UID is
   * replaced.
   */
  add(image: IndexedImage, header: Attributes): void;
  get(sopInstanceUid: string): IndexedImage | undefined;
  /** All images under some unique keys. */
  select(keys: UniqueKeys): IndexedImage[];
  /** Answers of a query without those attributes that depend on who asks (PS3.4 §C.4.1.1.3.2). */
  find(level: QueryLevel, identifier: Attributes, options?: MatchingOptions): Iterable<Attributes>;
}

/** What is in an identifier without being a key: how its texts are encoded, and the level. */
const notKeys = new Set([tagToHex(Tags.SpecificCharacterSet), tagToHex(Tags.QueryRetrieveLevel)]);

/** Keys that are the same for all, and answered by the server. */
const answeredKeys = new Set([Tags.RetrieveAETitle, Tags.InstanceAvailability].map(tagToHex));

/** Unique keys from the patient or the study down to a level; answers have them whether asked for or not. */
const uniqueKeys: Readonly<Record<QueryLevel, readonly string[]>> = {
  PATIENT: [tagToHex(Tags.PatientID)],
  STUDY: [tagToHex(Tags.StudyInstanceUID)],
  SERIES: [Tags.StudyInstanceUID, Tags.SeriesInstanceUID].map(tagToHex),
  IMAGE: [Tags.StudyInstanceUID, Tags.SeriesInstanceUID, Tags.SOPInstanceUID].map(tagToHex),
};

/** Values of a unique key, for single value and list matching; undefined when it is empty, absent or `*`. */
function uniqueValues(identifier: Attributes, keyword: string): ReadonlySet<string> | undefined {
  const values = textsOf(identifier, keyword).filter((value) => value !== '');
  return values.length === 0 || values.includes('*') ? undefined : new Set(values);
}

/** The UIDs among the keys of an identifier. Patient IDs are not: a query may ask for them by wildcard (PS3.4 §C.6.1.1.2). */
export function uniqueKeysOf(identifier: Attributes): Omit<UniqueKeys, 'patientIds'> {
  const study = uniqueValues(identifier, 'StudyInstanceUID');
  const series = uniqueValues(identifier, 'SeriesInstanceUID');
  const image = uniqueValues(identifier, 'SOPInstanceUID');
  return {
    ...(study && { studyInstanceUids: study }),
    ...(series && { seriesInstanceUids: series }),
    ...(image && { sopInstanceUids: image }),
  };
}

/** What an answer has for a key: of the items of a sequence, the attributes that were asked for (PS3.4 §C.2.2.2.6). */
function requested(found: JsonAttribute | undefined, key: JsonAttribute): JsonAttribute {
  const [item] = (key.vr === 'SQ' ? (key.Value ?? []) : []) as readonly Attributes[];
  if (!found || !item || Object.keys(item).length === 0) return found ?? { vr: key.vr };
  const items = (found.Value ?? []) as readonly Attributes[];
  return {
    vr: found.vr,
    Value: items.map((one) =>
      Object.fromEntries(Object.entries(item).map(([name, inner]) => [name, requested(one[name], inner)])),
    ),
  } as JsonAttribute;
}

function pick(wanted: ReadonlySet<string>, attributes: Attributes): Record<string, JsonAttribute> {
  const picked: Record<string, JsonAttribute> = {};
  for (const key of wanted) if (attributes[key]) picked[key] = attributes[key];
  return picked;
}

function characterSetAttribute(terms: readonly string[]): Attributes {
  return attributesFrom({ SpecificCharacterSet: terms.length === 0 ? undefined : terms });
}

function* chosen<T>(map: ReadonlyMap<string, T>, keys: ReadonlySet<string> | undefined): Iterable<T> {
  if (keys === undefined) {
    yield* map.values();
    return;
  }
  for (const key of keys) {
    const value = map.get(key);
    if (value !== undefined) yield value;
  }
}

function imageCount(study: StudyEntry): number {
  let count = 0;
  for (const series of study.series.values()) count += series.images.size;
  return count;
}

function studyCounts(study: StudyEntry): Attributes {
  const series = [...study.series.values()];
  const modalities = new Set(series.flatMap(({ attributes }) => textOf(attributes, 'Modality') ?? []));
  const sopClasses = new Set(
    series.flatMap(({ images }) => [...images.values()].map((image) => image.sopClassUid)),
  );
  return attributesFrom({
    ModalitiesInStudy: [...modalities].sort(),
    SOPClassesInStudy: [...sopClasses].sort(),
    NumberOfStudyRelatedSeries: String(series.length),
    NumberOfStudyRelatedInstances: String(imageCount(study)),
  });
}

function patientCounts(studies: readonly StudyEntry[]): Attributes {
  const sum = (count: (study: StudyEntry) => number) =>
    studies.reduce((total, each) => total + count(each), 0);
  return attributesFrom({
    NumberOfPatientRelatedStudies: String(studies.length),
    NumberOfPatientRelatedSeries: String(sum((study) => study.series.size)),
    NumberOfPatientRelatedInstances: String(sum(imageCount)),
  });
}

/** Does a query have keys that the archive does not index at its level, and so ignores? */
export function ignoresKeysOf(level: QueryLevel, identifier: Attributes): boolean {
  return Object.keys(identifier).some(
    (key) => !notKeys.has(key) && !matchingKeys[level].has(key) && !answeredKeys.has(key),
  );
}

export function createArchiveIndex(): ArchiveIndex {
  const studies = new Map<string, StudyEntry>();
  const images = new Map<string, ImageEntry>();

  function remove(image: ImageEntry): void {
    images.delete(image.sopInstanceUid);
    const study = studies.get(image.studyInstanceUid);
    const series = study?.series.get(image.seriesInstanceUid);
    series?.images.delete(image.sopInstanceUid);
    if (series?.images.size === 0) study?.series.delete(image.seriesInstanceUid);
    if (study?.series.size === 0) studies.delete(image.studyInstanceUid);
  }

  /** Every entity of a level, with those of the wanted attributes it has; below the level of studies no others. */
  function* entities(
    level: QueryLevel,
    keys: UniqueKeys,
    wanted: ReadonlySet<string>,
  ): Iterable<{ attributes: Attributes; characterSet: Attributes }> {
    if (level === 'PATIENT') {
      const byPatient = Map.groupBy(
        studies.values(),
        ({ patient }) =>
          `${textOf(patient, 'PatientID') ?? ''}\\${textOf(patient, 'IssuerOfPatientID') ?? ''}`,
      );
      for (const group of byPatient.values()) {
        const { patient, characterSet } = group.at(-1)!;
        yield {
          attributes: { ...patient, ...patientCounts(group) },
          characterSet: characterSetAttribute(characterSet),
        };
      }
      return;
    }
    for (const study of chosen(studies, keys.studyInstanceUids)) {
      const characterSet = characterSetAttribute(study.characterSet);
      const ofStudy = { ...study.patient, ...study.attributes, ...studyCounts(study) };
      if (level === 'STUDY') {
        yield { attributes: ofStudy, characterSet };
        continue;
      }
      for (const series of chosen(study.series, keys.seriesInstanceUids)) {
        const count = attributesFrom({ NumberOfSeriesRelatedInstances: String(series.images.size) });
        const ofSeries = pick(wanted, { ...ofStudy, ...series.attributes, ...count });
        if (level === 'SERIES') {
          yield { attributes: ofSeries, characterSet };
          continue;
        }
        for (const image of chosen(series.images, keys.sopInstanceUids)) {
          yield { attributes: { ...ofSeries, ...pick(wanted, image.attributes) }, characterSet };
        }
      }
    }
  }

  return {
    get size() {
      return images.size;
    },

    add(file, header) {
      const replaced = images.get(file.sopInstanceUid);
      if (replaced !== undefined) remove(replaced);

      const characterSet = textsOf(header, 'SpecificCharacterSet');
      const parts = attributesByLevel(header);
      const image = { ...file, attributes: parts.IMAGE };
      // The object that came last describes its study and its series.
      const study = studies.get(file.studyInstanceUid) ?? {
        patient: {},
        attributes: {},
        characterSet,
        series: new Map<string, SeriesEntry>(),
      };
      Object.assign(study, {
        patient: parts.PATIENT,
        attributes: parts.STUDY,
        characterSet,
      });
      const series = study.series.get(file.seriesInstanceUid) ?? {
        attributes: {},
        images: new Map<string, ImageEntry>(),
      };
      series.attributes = parts.SERIES;

      series.images.set(file.sopInstanceUid, image);
      study.series.set(file.seriesInstanceUid, series);
      studies.set(file.studyInstanceUid, study);
      images.set(file.sopInstanceUid, image);
    },

    get: (sopInstanceUid) => images.get(sopInstanceUid),

    select(keys) {
      const found: IndexedImage[] = [];
      for (const study of chosen(studies, keys.studyInstanceUids)) {
        if (keys.patientIds && !keys.patientIds.has(textOf(study.patient, 'PatientID') ?? '')) continue;
        for (const series of chosen(study.series, keys.seriesInstanceUids)) {
          for (const image of chosen(series.images, keys.sopInstanceUids)) found.push(image);
        }
      }
      return found;
    },

    *find(level, identifier, options) {
      // A key that is not supported matches everything and comes back empty (PS3.4 §C.2.2.1.3).
      const keys = Object.keys(identifier).filter((key) => !notKeys.has(key));
      const matched = Object.fromEntries(
        keys.filter((key) => matchingKeys[level].has(key)).map((key) => [key, identifier[key]!]),
      );
      const wanted = new Set([...uniqueKeys[level], ...keys]);
      for (const { attributes, characterSet } of entities(level, uniqueKeysOf(identifier), wanted)) {
        if (!matchesIdentifier(attributes, matched, options)) continue;
        const answer: Record<string, JsonAttribute> = { ...characterSet };
        for (const key of uniqueKeys[level]) if (attributes[key]) answer[key] = attributes[key];
        for (const key of keys) answer[key] = requested(attributes[key], identifier[key]!);
        yield answer;
      }
    },
  };
}
