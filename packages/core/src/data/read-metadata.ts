import { DicomError } from '../errors.ts';
import type { DicomInstance } from '../transfer/types.ts';
import { createAttributeCollector } from './attribute-collector.ts';
import type { Attributes } from './attributes.ts';
import { createElementReader, isElementStart, isPixelData } from './element-reader.ts';

export interface ReadMetadataOptions {
  /**
   * Where the value of an element can be had that is left out.
   *
   * @param path the tag of the element, in eight hexadecimal digits; within sequences, preceded by the tag of each and the
   *   index of its item: `['00880200', '0', '7FE00010']`
   */
  bulkDataUri: (path: readonly string[]) => string;
  /** Longest value of bytes that stays with the others, in bytes. Default: 1024. */
  maxInlineBytes?: number;
  /** Most bytes of a data set to read before its pixel data. Default: 64 MiB. */
  maxBytes?: number;
}

/**
 * Reads what an instance says of itself (PS3.18 §10.4.1.1.2): all attributes up to its pixel data, with a `BulkDataURI`
 * for these, for long values of bytes and for texts above 64 KiB. The data set is left where the pixel data begin; what
 * may come after them (signatures, padding) is not read.
 *
 * Throws what reading the data set throws, and `TOO_LARGE`.
 */
export async function readMetadata(
  instance: DicomInstance,
  options: ReadMetadataOptions,
): Promise<Attributes> {
  const { bulkDataUri, maxInlineBytes = 1024, maxBytes = 64 * 1024 * 1024 } = options;
  const collector = createAttributeCollector({ bulk: { uri: bulkDataUri, maxInlineBytes } });
  const reader = createElementReader({ transferSyntaxUid: instance.transferSyntaxUid });
  let length = 0;
  for await (const chunk of instance.dataset) {
    for (const token of reader.push(chunk)) {
      // The bytes of values that are left out do not count.
      if (token.kind !== 'bulk-chunk') length += token.bytes.length;
      if (length > maxBytes) {
        throw new DicomError('TOO_LARGE', `The attributes of an instance are longer than ${maxBytes} bytes.`);
      }
      collector.add(token);
      if (token.depth === 0 && isElementStart(token) && isPixelData(token.tag)) return collector.attributes;
    }
  }
  for (const token of reader.end()) collector.add(token);
  return collector.attributes;
}
