import * as z from 'zod';
import { recipeCondition } from '../recipe/recipe-rule.ts';

const coordinate = z.int().min(0).max(65_535);

/** Part of a frame: column and row of its upper left pixel, 0 for the first ones, then width and height in pixels. */
const rectangle = z.strictObject({
  x: coordinate,
  y: coordinate,
  width: z.int().min(1).max(65_535),
  height: z.int().min(1).max(65_535),
});

/** Which parts of which images are blackened. */
export const pixelMaskRule = z
  .strictObject({
    name: z.string().max(200).optional().describe('What people call it'),
    when: z
      .array(recipeCondition)
      .min(1)
      .max(50)
      .describe('The rule is for images of which all of these are true. The first rule for an image counts'),
    rectangles: z
      .array(rectangle)
      .max(1000)
      .describe(
        'What is blackened in every frame; what lies outside of it is cut off. None: the image is known to be clean',
      ),
  })
  .describe('Parts of images that have text burned in');

export type PixelRectangle = z.output<typeof rectangle>;
export type PixelMaskRule = z.output<typeof pixelMaskRule>;
