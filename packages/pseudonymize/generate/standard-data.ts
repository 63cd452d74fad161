import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** A JSON file of the folder that ADIT_STANDARD_DATA names. */
export function standardData<T>(file: string): T {
  return JSON.parse(readFileSync(join(folderOf('ADIT_STANDARD_DATA'), file), 'utf8')) as T;
}

export function folderOf(variable: string): string {
  const folder = process.env[variable];
  if (folder !== undefined) return folder;
  console.error(`Set ${variable} to the folder that README.md beside this file describes.`);
  process.exit(1);
}

/** Writes a file of src/generated with its attribution. */
export function writeGenerated(file: string, source: string): void {
  writeFileSync(
    new URL(`../src/generated/${file}`, import.meta.url),
    `// Made by packages/pseudonymize/generate. Do not edit.\n// DICOM PS3.6 and PS3.15, © NEMA\n\n${source}`,
  );
}

/** Letters of the option columns of Tables E.1-1 and E.3.4-1, in the order of the former. */
const letters: Readonly<Record<string, string>> = {
  retain_safe_private: 'v',
  retain_uids: 'u',
  retain_device_identity: 'd',
  retain_institution_identity: 'i',
  retain_patient_characteristics: 'p',
  retain_longitudinal_full_dates: 'f',
  retain_longitudinal_modified_dates: 'm',
  clean_descriptors: 't',
  clean_structured_content: 's',
  clean_graphics: 'g',
};

/** What the options of a row say: `f:K`, `m:C`. */
export function optionFields(options: Readonly<Record<string, string>>): string[] {
  const order = Object.values(letters);
  return Object.entries(options)
    .map(([option, action]) => {
      const letter = letters[option];
      if (letter === undefined) throw new Error(`The option ${option} is not known.`);
      return `${letter}:${action}`;
    })
    .sort((a, b) => order.indexOf(a[0]!) - order.indexOf(b[0]!));
}
