import { createElementReader, DicomError, Tags, type Token } from '@adit/core';
import { HeaderIdentifiers } from '../identifiers/header-identifiers.ts';
import type { Identifier } from '../identifiers/identifier.ts';
import { type LeakInput, type LeakInputOptions, openInput } from './leak-input.ts';

/**
 * What identifies somebody or something in an original, to look for in what was made of it: names of whatever role;
 * patient, accession and order numbers; the birth date and other dates; UIDs that PS3.6 does not register; institutions; texts of
 * twelve characters and more. Private attributes are left out but for their UIDs and names. Reads up to the pixel data.
 *
 * Throws `DicomError`: `NOT_DICOM`, and what reading a damaged data set throws.
 */
export async function identifiersOf(
  original: LeakInput,
  options: LeakInputOptions = {},
): Promise<Identifier[]> {
  const { transferSyntaxUid, rest } = await openInput(original, options);
  const identifiers = new HeaderIdentifiers({ withOthers: true });
  if (transferSyntaxUid === undefined) {
    await rest[Symbol.asyncIterator]().return?.();
    throw new DicomError('NOT_DICOM', 'The original is no DICOM file.');
  }
  const reader = createElementReader({ transferSyntaxUid });
  const takeAll = (tokens: Iterable<Token>): boolean => {
    for (const token of tokens) {
      if (token.depth === 0 && isPixels(token)) return true;
      identifiers.take(token);
    }
    return false;
  };
  let done = false;
  for await (const chunk of rest) {
    done = takeAll(reader.push(chunk));
    if (done) break;
  }
  if (!done) takeAll(reader.end());
  return identifiers.all;
}

function isPixels(token: Token): boolean {
  return (
    (token.kind === 'bulk-start' || token.kind === 'fragments-start') && token.tag >= Tags.FloatPixelData
  );
}
