import { createHash } from 'node:crypto';
import { open, readFile } from 'node:fs/promises';
import { DicomError, type DicomInstance, TransferSyntax } from '@adit/core';
import {
  createPseudonymizer,
  decompressMasked,
  isPresetName,
  keyFingerprint,
  leakGuard,
  type PseudonymizedInstance,
  type PseudonymOf,
  parseRecipe,
  presetNames,
  presetRecipe,
  pseudonymTable,
  type Recipe,
  randomKey,
  recipeDigest,
  saltedPseudonyms,
  type TransformOf,
} from '@adit/pseudonymize';
import { readKeyFile } from './arguments.ts';
import type { Output } from './output.ts';
import { UsageError } from './usage-error.ts';

export interface DeidentificationOptions {
  pseudonym?: string;
  /** File of a table. */
  pseudonyms?: string;
  /** File of a salt. */
  saltFile?: string;
  /** Name of a preset, or a file. */
  recipe?: string;
  keyFile?: string;
  /** What becomes of patients a table lacks. */
  missing?: 'hold' | 'fail';
  /** Is what comes out searched for what identifies the original? */
  leakGuard?: boolean;
}

/** How instances are de-identified; plain data, which a worker thread can be sent. */
export interface DeidentificationSettings {
  recipe: Recipe;
  key: Uint8Array;
  /** Where pseudonyms come from; undefined: from the key. */
  pseudonyms?:
    | { from: 'text'; text: string }
    | { from: 'table'; csv: string; missing: 'hold' | 'fail' }
    | { from: 'salt'; salt: string };
  /** Is an instance held back in which an identifier of its original is left? */
  leakGuard: boolean;
  /** Are there hashes of the pixel data in reports? Default: false. */
  hashPixels?: boolean;
}

/** A pseudonymizer with what a recipe and a command line ask for besides. */
export interface InstancePseudonymizer {
  readonly transform: TransformOf<PseudonymizedInstance>;
}

/** How instances are de-identified, under one key. */
export interface Deidentification {
  readonly settings: DeidentificationSettings;
  /** Says to a ledger under which recipe instances became what they are. */
  readonly recipeDigest: string;
  /** Says to a ledger under which key. */
  readonly keyFingerprint: string;
  pseudonymizer(pseudonym?: string): InstancePseudonymizer;
}

/**
 * What a command line asks for; undefined when nothing is to be changed. Pseudonyms alone, of the command line or of each
 * patient (`ofEach`), mean the recipe `basic`; a recipe alone means pseudonyms from the key.
 */
export async function deidentificationFor(
  output: Output,
  options: DeidentificationOptions,
  { ofEach = false }: { ofEach?: boolean } = {},
): Promise<Deidentification | undefined> {
  const { pseudonym, pseudonyms, saltFile, recipe, keyFile } = options;
  const sources = [pseudonym, pseudonyms, saltFile].filter((source) => source !== undefined);
  if (sources.length > 1) {
    throw new UsageError('Pseudonyms come from one of --pseudonym, --pseudonyms and --salt-file.');
  }
  if (sources.length === 0 && !ofEach && recipe === undefined) {
    if (keyFile !== undefined) throw new UsageError('--key-file needs a pseudonym or --recipe.');
    return undefined;
  }
  const settings: DeidentificationSettings = {
    recipe: await readRecipe(recipe ?? 'basic'),
    key: keyFile === undefined ? randomKey() : await readKeyFile(keyFile),
    leakGuard: options.leakGuard ?? false,
  };
  const given = await pseudonymsOf(options);
  if (given !== undefined) settings.pseudonyms = given;
  if (keyFile === undefined) {
    const alsoPseudonyms = sources.length === 0 && !ofEach ? ' and each patient another pseudonym' : '';
    output.remark(
      `No --key-file: a random key serves this run alone, so another run gives the same study other UIDs${alsoPseudonyms}.`,
    );
  }
  const pseudonymizers = new Map<string | undefined, InstancePseudonymizer>();
  return {
    settings,
    recipeDigest: recipeDigest(settings.recipe),
    keyFingerprint: keyFingerprint(settings.key),
    pseudonymizer(pseudonym) {
      let pseudonymizer = pseudonymizers.get(pseudonym);
      if (pseudonymizer === undefined) {
        pseudonymizer = pseudonymizerOf(settings, pseudonym);
        pseudonymizers.set(pseudonym, pseudonymizer);
      }
      return pseudonymizer;
    },
  };
}

/**
 * Makes the pseudonymizer of settings; with a pseudonym that goes before theirs. Compressed images whose pixels are to be
 * cleaned are decompressed before.
 */
export function pseudonymizerOf(
  settings: DeidentificationSettings,
  pseudonym?: string,
): InstancePseudonymizer {
  const { recipe, key } = settings;
  const source = pseudonym ?? sourceOf(settings);
  const pseudonymizer = createPseudonymizer({
    recipe,
    key,
    ...(source === undefined ? {} : { pseudonym: source }),
    ...(settings.hashPixels ? { createHash: () => createHash('sha256') } : {}),
  });
  let transform: TransformOf<PseudonymizedInstance> = pseudonymizer.transform;
  if (recipe.options.includes('cleanPixelData'))
    transform = decompressMasked(transform, { recipe, decompress });
  if (settings.leakGuard) {
    const retainsUids = recipe.options.includes('retainUids');
    transform = leakGuard(transform, {
      kinds: ['name', 'id', 'birth-date', ...(retainsUids ? [] : (['uid'] as const))],
      // What is pseudonymized again may be called so already.
      allowed: typeof source === 'string' ? [source] : [],
    });
  }
  return { transform };
}

async function decompress(instance: DicomInstance): Promise<DicomInstance> {
  const { transcode } = await import('@adit/core/transcode');
  return transcode(instance, TransferSyntax.ExplicitVrLittleEndian);
}

function sourceOf({ pseudonyms }: DeidentificationSettings): string | PseudonymOf | undefined {
  switch (pseudonyms?.from) {
    case 'text':
      return pseudonyms.text;
    case 'table':
      return pseudonymTable(pseudonyms.csv, { missing: pseudonyms.missing });
    case 'salt':
      return saltedPseudonyms(pseudonyms.salt);
    case undefined:
      return undefined;
  }
}

async function pseudonymsOf({
  pseudonym,
  pseudonyms,
  saltFile,
  missing = 'hold',
}: DeidentificationOptions): Promise<DeidentificationSettings['pseudonyms']> {
  if (pseudonym !== undefined) return { from: 'text', text: pseudonym };
  if (pseudonyms !== undefined) {
    const csv = await readText(pseudonyms, 64 * 1024 * 1024);
    // A table with conflicts is wrong usage, and told before anything is touched.
    orUsageError(() => pseudonymTable(csv), pseudonyms);
    return { from: 'table', csv, missing };
  }
  if (saltFile !== undefined) {
    const salt = (await readText(saltFile, 4096)).replace(/\r?\n$/, '');
    orUsageError(() => saltedPseudonyms(salt), saltFile);
    return { from: 'salt', salt };
  }
  return undefined;
}

/** A recipe by the name of a preset, or from a JSON file. Throws `UsageError`. */
export async function readRecipe(nameOrFile: string): Promise<Recipe> {
  if (isPresetName(nameOrFile)) return presetRecipe(nameOrFile);
  if (!/[./\\]/.test(nameOrFile)) {
    throw new UsageError(
      `The recipe "${nameOrFile}" is not known: use ${presetNames.join(', ')}, or the path of a JSON file.`,
    );
  }
  const text = await readText(nameOrFile, 4 * 1024 * 1024);
  return orUsageError(() => {
    let document: unknown;
    try {
      document = JSON.parse(text);
    } catch (error) {
      throw new UsageError('It is not JSON.', error);
    }
    return parseRecipe(document);
  }, nameOrFile);
}

/** A text file of UTF-8, of so many bytes at most. Throws `UsageError` where it is longer or is none. */
async function readText(path: string, maxBytes: number): Promise<string> {
  await using file = await open(path);
  const { size } = await file.stat();
  if (size > maxBytes) throw new UsageError(`${path} has more than ${maxBytes} bytes.`);
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(await readFile(file));
  } catch (error) {
    if (error instanceof TypeError) throw new UsageError(`${path} is not text in UTF-8.`, error);
    throw error;
  }
}

function orUsageError<T>(read: () => T, path: string): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof DicomError) throw new UsageError(`${path}: ${error.message}`, error);
    throw error;
  }
}
