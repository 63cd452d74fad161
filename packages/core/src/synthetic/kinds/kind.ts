import type { AttributesInput } from '../../data/attribute-access.ts';
import type { InstanceContext, KindDefaults } from '../instance-context.ts';
import type { Picture, PictureOptions } from '../picture.ts';

/** How objects of one SOP class are made. */
export interface Kind {
  readonly sopClassUid: string;
  readonly defaults: KindDefaults;
  /** The picture. Absent: the class has no pixel data. */
  readonly picture?: (context: InstanceContext) => Picture;
  /** All attributes but Specific Character Set and the pixel data. */
  attributes(context: InstanceContext, picture: Picture | undefined): AttributesInput;
}

/** Picture options of the one slice an instance holds, or of its frames through the whole body. */
export function pictureOptions(context: InstanceContext, depth?: (frame: number) => number): PictureOptions {
  const { patient, body, rows, columns, frames, instanceNumber, instances } = context;
  const own = (instanceNumber - 0.5) / instances;
  return {
    bodySeed: patient.id,
    noiseSeed: context.sopInstanceUid,
    body,
    rows,
    columns,
    frames,
    depth: depth ?? (frames > 1 ? (frame) => (frame + 0.5) / frames : () => own),
  };
}
