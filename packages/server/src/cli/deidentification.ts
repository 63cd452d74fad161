import { createHash } from 'node:crypto';
import { createPseudonymizer, keyFingerprint, type Pseudonymizer, randomKey } from '@adit/pseudonymize';
import { readKeyFile } from './arguments.ts';
import type { Output } from './output.ts';
import { UsageError } from './place.ts';

export interface DeidentificationOptions {
  pseudonym?: string;
  recipe?: string;
  keyFile?: string;
}

/** How instances are de-identified, under one key. */
export interface Deidentification {
  /** Says to a ledger under which recipe instances became what they are. */
  readonly recipeDigest: string;
  /** Says to a ledger under which key. */
  readonly keyFingerprint: string;
  pseudonymizer(pseudonym: string | undefined): Pseudonymizer;
}

/**
 * What a command line asks for; undefined when nothing is to be changed. A pseudonym alone, of the command line or of each
 * patient (`ofEach`), means the recipe `basic`.
 */
export async function deidentificationFor(
  output: Output,
  options: DeidentificationOptions,
  { ofEach = false }: { ofEach?: boolean } = {},
): Promise<Deidentification | undefined> {
  if (options.pseudonym === undefined && !ofEach && options.recipe === undefined) {
    if (options.keyFile !== undefined) throw new UsageError('--key-file needs --pseudonym or --recipe.');
    return undefined;
  }
  const recipe = options.recipe ?? 'basic';
  if (recipe !== 'basic') throw new UsageError(`The recipe "${recipe}" is not known; "basic" is.`);
  if (options.pseudonym === undefined && !ofEach) throw new UsageError('A recipe needs --pseudonym.');
  const key = options.keyFile === undefined ? randomKey() : await readKeyFile(options.keyFile);
  if (options.keyFile === undefined) {
    output.remark(
      'No --key-file: a random key serves this run alone, so another run gives the same study other UIDs.',
    );
  }
  return {
    recipeDigest: createHash('sha256').update(recipe).digest('hex'),
    keyFingerprint: keyFingerprint(key),
    pseudonymizer: (pseudonym) =>
      createPseudonymizer({ recipe, key, ...(pseudonym === undefined ? {} : { pseudonym }) }),
  };
}
