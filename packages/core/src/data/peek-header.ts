import { DicomError } from '../errors.ts';
import type { DicomInstance } from '../transfer/types.ts';
import type { Attributes } from './attributes.ts';
import type { Tag } from './tag.ts';

export interface PeekedHeader {
  /** The wanted attributes that the data set has. */
  attributes: Attributes;
  /** The same instance. Its data set begins anew; the one that was given is spent. */
  instance: DicomInstance;
}

/**
 * Looks into the beginning of an instance's data set, no further than it must.
 *
 * @param wanted tags to look for; or one tag, to get all elements before it
 */
export function peekHeader(_instance: DicomInstance, _wanted: readonly Tag[] | Tag): Promise<PeekedHeader> {
  throw new DicomError('NOT_IMPLEMENTED', 'peekHeader is being written.');
}
