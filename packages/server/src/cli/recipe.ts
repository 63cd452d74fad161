import { readFile, writeFile } from 'node:fs/promises';
import { importCtpScript, presetNames, presetRecipe } from '@adit/pseudonymize';
import { readRecipe } from './deidentification.ts';
import type { Output } from './output.ts';
import { UsageError } from './usage-error.ts';

export interface RecipeOptions {
  /** File of a script of CTP's DicomAnonymizer. */
  ctp?: string;
  /** File of the lookup table of that script. */
  ctpLookup?: string;
  /** File for the table of pseudonyms in it. */
  pseudonymsOut?: string;
}

/** `adit recipe [NAME]`: lists the presets, or prints a recipe as JSON: a preset, a file that is checked, a script of CTP. */
export async function recipeCommand(
  output: Output,
  name: string | undefined,
  options: RecipeOptions,
): Promise<boolean> {
  if (options.ctp !== undefined) {
    if (name !== undefined) throw new UsageError('A recipe comes from a name or from --ctp, not from both.');
    await printImport(output, options.ctp, options);
  } else if (options.ctpLookup !== undefined || options.pseudonymsOut !== undefined) {
    throw new UsageError('--ctp-lookup and --pseudonyms-out go with --ctp.');
  } else if (name === undefined) {
    for (const preset of presetNames) {
      const { description } = presetRecipe(preset);
      output.event({ event: 'recipe', name: preset, description }, `${preset}: ${description}`);
    }
  } else {
    print(output, await readRecipe(name));
  }
  output.summary({ ok: true });
  return true;
}

/** Prints a recipe made of a script; what it does in another way goes to stderr. */
async function printImport(
  output: Output,
  path: string,
  { ctpLookup, pseudonymsOut }: RecipeOptions,
): Promise<void> {
  const now = new Date().toISOString().replaceAll(/[-:]/g, '');
  const { recipe, notes, pseudonyms } = importCtpScript(await readFile(path, 'utf8'), {
    date: now.slice(0, 8),
    time: now.slice(9, 15),
    ...(ctpLookup === undefined ? {} : { lookupTable: await readFile(ctpLookup, 'utf8') }),
  });
  for (const { kind, tag = 'script', code, message } of notes) {
    output.remark(`${kind === 'differs' ? 'Differs' : 'Left out'}, ${tag} ${code}: ${message}`);
  }
  if (pseudonymsOut !== undefined) {
    if (pseudonyms === undefined) throw new UsageError('The lookup table has no Patient IDs.');
    // It links patients with pseudonyms.
    await writeFile(pseudonymsOut, pseudonyms, { flag: 'wx', mode: 0o600 });
  }
  print(output, recipe);
}

function print(output: Output, recipe: object): void {
  output.event({ event: 'recipe', recipe }, JSON.stringify(recipe, undefined, 2));
}
