import type { DicomInstance } from '@adit/core';

/** A `Transform` of core that makes instances of which more is known: a report, say. */
export interface TransformOf<Made extends DicomInstance> {
  (instance: DicomInstance): Made | Promise<Made>;
  mapUid?(uid: string): string;
}

/** One that needs time before it knows what it makes. */
export interface AsyncTransformOf<Made extends DicomInstance> extends TransformOf<Made> {
  (instance: DicomInstance): Promise<Made>;
}
