import { isValidUid, storageSopClasses } from '@adit/core';
import { explain } from '@adit/pseudonymize';
import { readRecipe } from './deidentification.ts';
import type { Output } from './output.ts';
import { UsageError } from './usage-error.ts';

export interface ExplainCommandOptions {
  recipe?: string;
  sopClass?: string;
  /** Sequences around the attribute. */
  path?: string[];
  creator?: string;
}

/** `adit explain TAG`: what a recipe makes of an attribute, and why. */
export async function explainCommand(
  output: Output,
  attribute: string,
  { recipe = 'basic', sopClass, path, creator }: ExplainCommandOptions,
): Promise<boolean> {
  const document = await readRecipe(recipe);
  const options = {
    ...(sopClass === undefined ? {} : { sopClassUid: sopClassOf(sopClass) }),
    ...(path === undefined ? {} : { path }),
    ...(creator === undefined ? {} : { creator }),
  };
  const explanation = asUsage(() => explain(document, attribute, options));
  output.event({ event: 'explanation', ...explanation }, explanation.text);
  output.summary({ ok: true });
  return true;
}

/** A SOP class by its UID, or by its name in PS3.6 or the beginning of it: `CT Image Storage`, `ct`. */
function sopClassOf(text: string): string {
  if (isValidUid(text)) return text;
  const wanted = text.toLowerCase();
  const classes = storageSopClasses();
  const names = [wanted, `${wanted} storage`, `${wanted} image storage`];
  const exact = classes.find(({ name }) => names.includes(name.toLowerCase()));
  const found = exact ? [exact] : classes.filter(({ name }) => name.toLowerCase().startsWith(`${wanted} `));
  if (found.length === 1) return found[0]!.uid;
  if (found.length === 0)
    throw new UsageError(`"${text}" is no storage SOP class: give its UID, or its name in PS3.6.`);
  throw new UsageError(
    `"${text}" may be one of these, say which: ${found.map(({ name }) => name).join(', ')}.`,
  );
}

function asUsage<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'UNKNOWN_ATTRIBUTE') {
      throw new UsageError(error.message, error);
    }
    throw error;
  }
}
