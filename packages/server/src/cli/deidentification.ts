import { createPseudonymizer, type Pseudonymizer, randomKey } from '@adit/pseudonymize';
import { readKeyFile } from './arguments.ts';
import type { Output } from './output.ts';
import { UsageError } from './place.ts';

export interface DeidentificationOptions {
  pseudonym?: string;
  recipe?: string;
  keyFile?: string;
}

/**
 * The pseudonymizer a command line asks for; undefined when nothing is to be changed. A pseudonym alone means the recipe
 * `basic`.
 */
export async function pseudonymizerFor(
  output: Output,
  options: DeidentificationOptions,
): Promise<Pseudonymizer | undefined> {
  if (options.pseudonym === undefined && options.recipe === undefined) {
    if (options.keyFile !== undefined) throw new UsageError('--key-file needs --pseudonym or --recipe.');
    return undefined;
  }
  const recipe = options.recipe ?? 'basic';
  if (recipe !== 'basic') throw new UsageError(`The recipe "${recipe}" is not known; "basic" is.`);
  if (options.pseudonym === undefined) throw new UsageError('A recipe needs --pseudonym.');
  const key = options.keyFile === undefined ? randomKey() : await readKeyFile(options.keyFile);
  if (options.keyFile === undefined) {
    output.remark(
      'No --key-file: a random key serves this run alone, so another run gives the same study other UIDs.',
    );
  }
  return createPseudonymizer({ recipe, key, pseudonym: options.pseudonym });
}
