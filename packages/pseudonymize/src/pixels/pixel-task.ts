import { SopClass, type Tag, Tags } from '@adit/core';
import { conditionTag, isTrue } from '../recipe/recipe-condition.ts';
import type { PixelHeader } from './pixel-header.ts';
import type { PixelMaskRule, PixelRectangle } from './pixel-mask.ts';
import { clipped, complementOf } from './rectangles.ts';

/** What is to be done with the pixels of an instance. */
export type PixelTask =
  /** Blacken these parts of each frame; none where a rule says that there is nothing to blacken. */
  | { kind: 'clean'; rectangles: readonly PixelRectangle[]; by: string }
  /** Nothing makes one think that there is text in them: they stay, and nobody says that they were cleaned. */
  | { kind: 'keep' }
  | { kind: 'hold'; reason: string };

/** Modalities whose images often show who the patient is (PS3.3 §C.7.3.1.1.1). */
const riskModalities: ReadonlyMap<string, string> = new Map([
  ['US', 'ultrasound'],
  ['IVUS', 'intravascular ultrasound'],
  ['SC', 'a secondary capture'],
  ['XC', 'a photograph'],
  ['ES', 'endoscopy'],
  ['OT', 'of no certain modality'],
]);

const ultrasound: ReadonlySet<string> = new Set([
  SopClass.UltrasoundImageStorage,
  SopClass.UltrasoundMultiFrameImageStorage,
]);

/** Secondary Capture Image Storage, and those of several frames that begin like it. */
const secondaryCapture = '1.2.840.10008.5.1.4.1.1.7';

const modality: Tag = 0x00080060;

/**
 * Decides what becomes of pixels under the Clean Pixel Data Option (PS3.15 §E.3.1): the first rule that is for the image;
 * without one, all but its regions is blackened in an ultrasound image that names them; what may have text in it and
 * cannot be cleaned is held back.
 */
export function pixelTaskOf(
  header: PixelHeader,
  sopClassUid: string,
  rules: readonly PixelMaskRule[],
  frame: { rows: number; columns: number },
): PixelTask {
  const index = rules.findIndex(({ when }) =>
    when.every((condition) => {
      const tag = conditionTag(condition);
      return tag !== undefined && isTrue(condition, header.text(tag));
    }),
  );
  const rule = rules[index];
  if (rule !== undefined) {
    const by = rule.name ?? `rule ${index + 1}`;
    const rectangles = clipped(rule.rectangles, frame);
    if (rectangles.length === 0 && rule.rectangles.length > 0) {
      return { kind: 'hold', reason: `The pixel mask that is for it (${by}) lies outside of its frames.` };
    }
    return { kind: 'clean', rectangles, by };
  }
  const risk = riskOf(header, sopClassUid);
  if (risk === undefined) return { kind: 'keep' };
  if ((ultrasound.has(sopClassUid) || header.text(modality) === 'US') && header.regions.length > 0) {
    const rectangles = complementOf(header.regions, frame);
    // Regions that leave nothing out clean nothing: the name stands in them.
    if (rectangles.length > 0) return { kind: 'clean', rectangles, by: 'ultrasound regions' };
  }
  return {
    kind: 'hold',
    reason: `It may have text burned in (it is ${risk}), and no pixel mask of the recipe is for it.`,
  };
}

/** Why there may be text in the pixels; undefined where nothing says so. */
function riskOf(header: PixelHeader, sopClassUid: string): string | undefined {
  const burnedIn = header.text(Tags.BurnedInAnnotation);
  if (burnedIn !== undefined && burnedIn !== '' && burnedIn !== 'NO') return 'marked as having it';
  if (sopClassUid === secondaryCapture || sopClassUid.startsWith(`${secondaryCapture}.`))
    return 'a secondary capture';
  if (ultrasound.has(sopClassUid)) return 'ultrasound';
  const named = riskModalities.get(header.text(modality) ?? '');
  if (named !== undefined) return named;
  const [first, second] = (header.text(Tags.ImageType) ?? '').split('\\');
  return first === 'DERIVED' && second === 'SECONDARY' ? 'derived, secondary' : undefined;
}
