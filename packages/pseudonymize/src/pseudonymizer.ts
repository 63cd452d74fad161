import {
  createElementReader,
  DicomError,
  type DicomInstance,
  deflateDataset,
  HeldBackError,
  hashPixelData,
  type Part10Instance,
  readPart10,
  SopClass,
  type StreamingHash,
  transferSyntaxOrDefault,
  writePart10,
} from '@adit/core';
import { DatasetOutput } from './dataset/dataset-output.ts';
import { DatasetRun } from './dataset/dataset-run.ts';
import type { Subject } from './dataset/own-elements.ts';
import { retainedAge } from './dataset/patient-age.ts';
import type { HeaderIdentifiers } from './identifiers/header-identifiers.ts';
import { rememberedPatientIdentifiers } from './identifiers/patient-identifiers.ts';
import { trimmed } from './identifiers/text.ts';
import { dateOffset } from './keys/date-offset.ts';
import { deriveSubKeys } from './keys/key.ts';
import { keyedPatientId, type PatientIdentity } from './keys/patient-id.ts';
import { createUidMapper } from './keys/uid-mapper.ts';
import type { Profile } from './profile/profile.ts';
import { recipeProfiles } from './profile/recipe-profiles.ts';
import { PseudonymizeError } from './pseudonymize-error.ts';
import { checkPseudonym, type PseudonymOf } from './pseudonyms/pseudonym-of.ts';
import { type PresetName, presetRecipe } from './recipe/presets.ts';
import { parseRecipe, type RecipeDocument } from './recipe/recipe.ts';
import { type PseudonymizationReport, ReportWriter } from './report.ts';
import { ReportPlace } from './report-place.ts';

export interface PseudonymizerOptions {
  /**
   * What is to be done: a preset by its name, or a document. Default: `basic`, the Basic Application Level Confidentiality
   * Profile (PS3.15 §E.2) alone.
   */
  recipe?: PresetName | RecipeDocument;
  /**
   * 16 to 4096 bytes, as they are. Whoever has them can tell which UID became which; the same key gives the same UIDs,
   * so that what is sent later goes to the study it belongs to. `randomKey()` makes one.
   */
  key: Uint8Array;
  /**
   * Patient ID and Patient's Name to be, of all instances: 1 to 64 characters, no control character and none of
   * `\ ^ = * ?`; or a function that gives each patient's, such as `pseudonymTable` and `saltedPseudonyms` make. Default: made
   * from the key, the issuer and the Patient ID.
   */
  pseudonym?: string | PseudonymOf;
  /**
   * Hashes the pixel data as they were and as they are, for the report: `() => createHash('sha256')` with Node's
   * `node:crypto`. Default: no hash.
   */
  createHash?: () => StreamingHash;
}

/** An instance that is de-identified as it is read. */
export interface PseudonymizedInstance extends DicomInstance {
  /** What was done so far; all of it once `dataset` has been read to the end, when its `instances` is 1. */
  readonly report: Readonly<PseudonymizationReport>;
}

/** A `Transform` of `transfer` that says at once what the instance will be. */
export interface PseudonymizeTransform {
  (instance: DicomInstance): PseudonymizedInstance;
  mapUid(uid: string): string;
}

export interface Pseudonymizer {
  /**
   * De-identifies an instance as it streams, in its own transfer syntax. Its new SOP Instance UID is known at once.
   *
   * Throws `HeldBackError` for an object that is not de-identified but held back: encapsulated documents, directories.
   * Reading `dataset` throws it for what cannot be read, or kept clean, later; what came until then is to be forgotten.
   */
  readonly transform: PseudonymizeTransform;
  /** What a UID becomes. */
  mapUid(uid: string): string;
  /**
   * De-identifies a file: preamble and File Meta Information are written anew, and say nothing of the original.
   * Throws as `transform` does, and as reading a file does for what is none.
   */
  pseudonymizePart10(file: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined>;
}

/** Memory for a header before its editing begins, and for a sequence whose length stands before it. */
const maxHeld = 16 * 1024 * 1024;

/** SOP classes of which nothing is known to be clean when the attributes are. */
const heldBackClasses: ReadonlyMap<string, string> = new Map([
  [
    SopClass.MediaStorageDirectory,
    'It is the directory of a medium (DICOMDIR), which names other instances.',
  ],
  ...['104.1', '104.2', '104.3', '104.4', '104.5'].map(
    (arc) =>
      [
        `1.2.840.10008.5.1.4.1.1.${arc}`,
        'It is an encapsulated document (PDF, CDA, STL, OBJ or MTL), which is not looked into.',
      ] as const,
  ),
]);

/**
 * Makes a pseudonymizer: PS3.15 Annex E for data sets that stream by, the same in Node and in the browser, byte for byte.
 *
 * Throws `INVALID_KEY`, `INVALID_PSEUDONYM`, `INVALID_RECIPE` and `UNKNOWN_RECIPE`.
 */
export function createPseudonymizer(options: PseudonymizerOptions): Pseudonymizer {
  const { key, pseudonym, recipe = 'basic', createHash } = options;
  const keys = deriveSubKeys(key);
  if (typeof pseudonym === 'string') checkPseudonym(pseudonym);
  const profiles = recipeProfiles(typeof recipe === 'string' ? presetRecipe(recipe) : parseRecipe(recipe));
  const { patientDomain = '', dates, maximumAge } = profiles.any.recipe;
  const uids = createUidMapper(keys.uid);
  // Where UIDs are retained, references still match; the few attributes that the option leaves out are mapped.
  const mapUid = profiles.any.has('retainUids') ? (uid: string) => uid : uids.map;
  const search = rememberedPatientIdentifiers();
  const place = new ReportPlace();

  const pseudonymOf = (identity: PatientIdentity): string => {
    if (typeof pseudonym === 'string') return pseudonym;
    if (pseudonym !== undefined) {
      const given = pseudonym(identity);
      checkPseudonym(given);
      return given;
    }
    if (identity.patientId === '') throw new HeldBackError('It has no Patient ID to make a pseudonym from.');
    return keyedPatientId(keys.id, identity);
  };

  const subjectOf = (header: HeaderIdentifiers, profile: Profile): Subject => {
    const identity = { issuer: header.issuer || patientDomain, patientId: header.patientId };
    const named = pseudonymOf(identity);
    if (profile.movesDates && identity.patientId === '') {
      throw new HeldBackError(
        'It has no Patient ID, and without one nobody knows by how much its dates move.',
      );
    }
    return {
      pseudonym: named,
      days: profile.movesDates ? dateOffset(keys.date, identity, dates?.days) : 0,
      age: profile.has('retainPatientCharacteristics')
        ? retainedAge(header.age, header.birthDate, header.studyDate, maximumAge)
        : undefined,
    };
  };

  const transform = (instance: DicomInstance): PseudonymizedInstance => {
    const { transferSyntaxUid } = instance;
    // As they stand in the data set, without what may pad them.
    const sopClassUid = trimmed(instance.sopClassUid);
    const sopInstanceUid = trimmed(instance.sopInstanceUid);
    const reason = heldBackClasses.get(sopClassUid);
    if (reason !== undefined) throw new HeldBackError(reason);
    const { explicitVr, littleEndian, deflated } = transferSyntaxOrDefault(transferSyntaxUid);
    const writer = new ReportWriter();
    const { report } = writer;
    const output = new DatasetOutput(maxHeld);
    const run = new DatasetRun({
      output,
      report: writer,
      place,
      encoding: { explicitVr, littleEndian },
      profiles,
      uids,
      nameKey: keys.name,
      search,
      subjectOf,
      sopClassUid,
      sopInstanceUid,
      transferSyntaxUid,
      maxHeader: maxHeld,
    });
    const before = createHash && hashPixelData(instance, createHash);
    const edited = editedDataset(before?.instance ?? instance, run, output);
    const made: DicomInstance = {
      sopClassUid,
      sopInstanceUid: mapUid(sopInstanceUid),
      transferSyntaxUid,
      dataset: deflated ? deflateDataset(edited) : edited,
    };
    if (before === undefined) return { ...made, report };
    // Pixels that nobody cleans are the same afterwards.
    const after = profiles.any.has('cleanPixelData') ? hashPixelData(made, createHash!) : undefined;
    const dataset = reportingHashes(after?.instance ?? made, report, () => {
      const hash = before.digest();
      return hash && { before: hash, after: after === undefined ? hash : (after.digest() ?? '') };
    });
    return { ...made, dataset, report };
  };

  return {
    transform: Object.assign(transform, { mapUid }),
    mapUid,
    async *pseudonymizePart10(file) {
      yield* writePart10(transform(await readFile(file)));
    },
  };
}

/** Reads a file's meta information. A DICOM file that does not say what it is, or not to the end, is held back. */
async function readFile(file: AsyncIterable<Uint8Array>): Promise<Part10Instance> {
  let trouble: unknown;
  const watched = async function* () {
    try {
      yield* file;
    } catch (error) {
      trouble = error;
      throw error;
    }
  };
  try {
    return await readPart10(watched());
  } catch (error) {
    // Trouble of the source is the source's, and what is no DICOM file at all is none of ours.
    if (error === trouble || !(error instanceof DicomError) || error.code === 'NOT_DICOM') throw error;
    throw new HeldBackError(`The file cannot be de-identified: ${error.message}`, { cause: error });
  }
}

/** Puts hashes into the report once the data set was read to its end. */
async function* reportingHashes(
  { dataset, sopInstanceUid }: DicomInstance,
  report: PseudonymizationReport,
  hashes: () => { before: string; after: string } | undefined | '',
): AsyncGenerator<Uint8Array, void, undefined> {
  yield* dataset;
  const made = hashes();
  if (made) report.pixelData = [{ sopInstanceUid, ...made }];
}

async function* editedDataset(
  { dataset, transferSyntaxUid }: DicomInstance,
  run: DatasetRun,
  output: DatasetOutput,
): AsyncGenerator<Uint8Array, void, undefined> {
  const reader = createElementReader({ transferSyntaxUid });
  for await (const chunk of dataset) {
    // Trouble of the source is the source's; only what is made of its bytes holds an instance back.
    yield* failingClosed(() => {
      for (const token of reader.push(chunk)) run.take(token);
      return output.take();
    });
  }
  yield* failingClosed(() => {
    for (const token of reader.end()) run.take(token);
    run.end();
    return output.take();
  });
}

/** Whatever goes wrong while a data set is edited, the instance is held back. */
function failingClosed<T>(edit: () => T): T {
  try {
    return edit();
  } catch (error) {
    // A pseudonym that is not to be had is told as it is: not the instance is at fault.
    if (error instanceof HeldBackError || error instanceof PseudonymizeError) throw error;
    // Messages of core's reader hold tags and lengths, never values; what others say is not known.
    const reason = error instanceof DicomError ? error.message : 'It could not be edited.';
    throw new HeldBackError(`The data set cannot be de-identified: ${reason}`, { cause: error });
  }
}
