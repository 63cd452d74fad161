import {
  createElementReader,
  type DicomInstance,
  isElementStart,
  replay,
  Tags,
  type Token,
  TransferSyntax,
  type Transform,
  transferSyntaxOrDefault,
} from '@adit/core';
import type { AsyncTransformOf, TransformOf } from '../dataset/transform-of.ts';
import { type PresetName, presetRecipe } from '../recipe/presets.ts';
import { parseRecipe, type RecipeDocument } from '../recipe/recipe.ts';
import { PixelHeader } from './pixel-header.ts';
import { pixelTaskOf } from './pixel-task.ts';

export interface DecompressMaskedOptions {
  /** The recipe that the transform applies. */
  recipe: PresetName | RecipeDocument;
  /** Gives the same instance without compression: `(instance) => transcode(instance, TransferSyntax.ExplicitVrLittleEndian)`. */
  decompress: Transform;
}

/** Most bytes of a header that are read to decide. */
const maxHeader = 32 * 1024 * 1024;

/**
 * Puts decompression before a pseudonymizer, for instances whose pixels its recipe has blackened and that are compressed in
 * another way than RLE: without it they are held back. Their transfer syntax is that of `decompress` afterwards; all other
 * instances pass as they are.
 *
 * @example
 * import { transcode } from '@adit/core/transcode';
 * const decompress = (instance) => transcode(instance, TransferSyntax.ExplicitVrLittleEndian);
 * transfer({ …, transforms: [decompressMasked(pseudonymizer.transform, { recipe, decompress })] });
 */
export function decompressMasked<Made extends DicomInstance>(
  transform: TransformOf<Made>,
  options: DecompressMaskedOptions,
): AsyncTransformOf<Made> {
  const { recipe: given, decompress } = options;
  const recipe = typeof given === 'string' ? presetRecipe(given) : parseRecipe(given);
  const cleans = recipe.options.includes('cleanPixelData');
  const before = async (instance: DicomInstance): Promise<Made> => {
    const { transferSyntaxUid, sopClassUid } = instance;
    const isPassed =
      !cleans ||
      transferSyntaxUid === TransferSyntax.RleLossless ||
      !transferSyntaxOrDefault(transferSyntaxUid).encapsulated;
    if (isPassed) return transform(instance);
    const { header, rest } = await readPixelHeader(instance);
    const frame = { rows: header.number(Tags.Rows) ?? 0, columns: header.number(Tags.Columns) ?? 0 };
    const task = pixelTaskOf(header, sopClassUid, recipe.pixelMasks ?? [], frame);
    const isMasked = task.kind === 'clean' && task.rectangles.length > 0;
    return transform(isMasked ? await decompress(rest) : rest);
  };
  const { mapUid } = transform;
  return Object.assign(before, mapUid === undefined ? {} : { mapUid });
}

/** Reads a data set up to its pixels; it begins anew in `rest`. One that cannot be read so far is left to the transform. */
async function readPixelHeader(
  instance: DicomInstance,
): Promise<{ header: PixelHeader; rest: DicomInstance }> {
  const header = new PixelHeader();
  const reader = createElementReader({ transferSyntaxUid: instance.transferSyntaxUid });
  const source = instance.dataset[Symbol.asyncIterator]();
  const chunks: Uint8Array[] = [];
  let length = 0;
  while (length < maxHeader) {
    const { done, value } = await source.next();
    if (done === true) break;
    chunks.push(value);
    length += value.length;
    if (takeHeader(header, reader.push(value))) break;
  }
  return { header, rest: { ...instance, dataset: replay(chunks, source) } };
}

/** Returns whether the header is at its end. */
function takeHeader(header: PixelHeader, tokens: Iterable<Token>): boolean {
  try {
    for (const token of tokens) {
      if (token.depth === 0 && isElementStart(token) && token.tag >= Tags.FloatPixelData) return true;
      header.take(token);
    }
    return false;
  } catch {
    return true;
  }
}
