import { fflate } from '#fflate';
import { DicomError } from '../errors.ts';
import { createAttributeCollector, swapBytes } from './attribute-collector.ts';
import type { Attributes, JsonAttribute } from './attributes.ts';
import { decodeBase64 } from './base64.ts';
import { concatBytes } from './bytes.ts';
import { type CharacterSet, characterSetOf } from './character-set.ts';
import {
  createElementReader,
  type ElementEncoding,
  elementEncodingOf,
  isElementStart,
} from './element-reader.ts';
import {
  encodeElement,
  encodeElementHeader,
  encodeItemDelimiter,
  encodeItemHeader,
  encodeSequenceDelimiter,
} from './element-writer.ts';
import { formatTag, type Tag } from './tag.ts';
import { transferSyntaxOrDefault } from './transfer-syntax.ts';
import { encodeValues } from './values.ts';
import { isVr, vrForm, vrUnit } from './vr.ts';

export interface DecodeDatasetOptions {
  transferSyntaxUid: string;
  /** Leave out this element of the data set and all after it. Default: read to the end. */
  stopAt?: Tag;
  /** Of a data set that is cut off: give what came before instead of throwing `TRUNCATED`. Default: false. */
  allowTruncated?: boolean;
  /**
   * Specific Character Set of what is around the data set, for one that names none itself. Default: the default
   * repertoire.
   */
  characterSet?: readonly string[];
}

/**
 * Reads a small data set into memory. Texts are decoded from its character set and stored as such; (0008,0005) stays as
 * it was. Values of bytes come as `InlineBinary`, in little endian. A sequence that was hidden in a UN comes as SQ, and
 * what was written as UN though the dictionary knows it, in the VR it has there.
 * Encapsulated pixel data, which the DICOM JSON model has no place for, are left out.
 *
 * Throws `MALFORMED`, `TRUNCATED` or `TOO_LARGE` as the element reader does.
 */
export function decodeDataset(bytes: Uint8Array, options: DecodeDatasetOptions): Attributes {
  const { transferSyntaxUid, stopAt = Number.POSITIVE_INFINITY, allowTruncated = false } = options;
  const collector = createAttributeCollector({ characterSet: options.characterSet, bulk: true });
  // What is in memory already may be taken whole. An element that says to be longer is not there; one that is, inflated,
  // comes in pieces.
  const reader = createElementReader({ transferSyntaxUid, maxValueLength: bytes.length });
  try {
    for (const token of reader.push(bytes)) {
      if (token.depth === 0 && isElementStart(token) && token.tag >= stopAt) return collector.attributes;
      collector.add(token);
    }
    for (const token of reader.end()) {
      if (token.depth === 0 && isElementStart(token) && token.tag >= stopAt) return collector.attributes;
      collector.add(token);
    }
  } catch (error) {
    if (!(allowTruncated && error instanceof DicomError && error.code === 'TRUNCATED')) throw error;
  }
  return collector.attributes;
}

export interface EncodeDatasetOptions {
  transferSyntaxUid: string;
  /** Put a group length before the elements of a group: for command sets and file meta information. Default: false. */
  groupLength?: boolean;
  /** Give sequences and items their length instead of delimiters. Default: true. */
  definedLengths?: boolean;
  /**
   * Specific Character Set of what is around the data set, for one that names none itself. Default: the default
   * repertoire.
   */
  characterSet?: readonly string[];
}

/**
 * Encodes attributes as a data set, tags ascending, texts in the character set its (0008,0005) names.
 *
 * Throws `UNENCODABLE` where that lacks a character, and `INVALID_VALUE` where a value does not fit its VR or is not
 * here (`BulkDataURI`).
 */
export function encodeDataset(attributes: Attributes, options: EncodeDatasetOptions): Uint8Array {
  const { transferSyntaxUid, groupLength = false, definedLengths = true } = options;
  const context: EncodingContext = {
    encoding: elementEncodingOf(transferSyntaxUid),
    definedLengths,
    characterSet: characterSetOf(options.characterSet ?? []),
  };
  const elements = encodeElements(attributes, context);
  const bytes = concatBytes(
    groupLength ? withGroupLengths(elements, context) : elements.map(({ bytes }) => bytes),
  );
  return transferSyntaxOrDefault(transferSyntaxUid).deflated ? deflate(bytes) : bytes;
}

interface EncodingContext {
  encoding: ElementEncoding;
  definedLengths: boolean;
  characterSet: CharacterSet;
}

interface EncodedElement {
  tag: Tag;
  bytes: Uint8Array;
}

function encodeElements(attributes: Attributes, outer: EncodingContext): EncodedElement[] {
  const terms = attributes[specificCharacterSetKey];
  const context =
    terms === undefined
      ? outer
      : {
          ...outer,
          characterSet: characterSetOf(
            (terms.Value ?? []).map((term) => (term === null ? '' : String(term))),
          ),
        };
  return Object.entries(attributes)
    .map(([key, attribute]) => ({ tag: tagOfKey(key), attribute }))
    .sort((a, b) => a.tag - b.tag)
    .map(({ tag, attribute }) => ({ tag, bytes: encodeAttribute(tag, attribute, context) }));
}

const specificCharacterSetKey = '00080005';

/** Keys read already: answers to a query have the same ones again and again. */
const tagsOfKeys = new Map<string, Tag>();
/** There are fewer in use; whoever invents keys must not fill the memory. */
const mostKeys = 8192;

function tagOfKey(key: string): Tag {
  let tag = tagsOfKeys.get(key);
  if (tag === undefined) {
    if (!/^[\da-f]{8}$/i.test(key)) {
      throw new DicomError(
        'INVALID_VALUE',
        `Attributes have keys of eight hexadecimal digits, not "${key}".`,
      );
    }
    tag = Number.parseInt(key, 16);
    if (tagsOfKeys.size < mostKeys) tagsOfKeys.set(key, tag);
  }
  return tag;
}

function encodeAttribute(tag: Tag, attribute: JsonAttribute, context: EncodingContext): Uint8Array {
  const { vr, Value: values = [], InlineBinary: binary, BulkDataURI: uri } = attribute;
  if (!isVr(vr)) throw new DicomError('INVALID_VALUE', `${formatTag(tag)} has the unknown VR "${vr}".`);
  if (uri !== undefined) {
    throw new DicomError(
      'INVALID_VALUE',
      `The value of ${formatTag(tag)} is elsewhere and must be fetched first.`,
    );
  }
  const { encoding, characterSet } = context;
  if (vr === 'SQ') return encodeSequence(tag, values as readonly Attributes[], context);
  if (vrForm(vr) === 'bytes' && binary !== undefined) {
    const value = decodeBase64(binary);
    return encodeElement(tag, vr, encoding.littleEndian ? value : swapBytes(value, vrUnit(vr)), encoding);
  }
  try {
    const value = encodeValues(values, vr, { littleEndian: encoding.littleEndian, characterSet });
    return encodeElement(tag, vr, value, encoding);
  } catch (error) {
    if (!(error instanceof DicomError)) throw error;
    throw new DicomError(error.code, `${formatTag(tag)} can not be encoded: ${error.message}`, {
      cause: error,
    });
  }
}

function encodeSequence(tag: Tag, items: readonly Attributes[], context: EncodingContext): Uint8Array {
  const { encoding, definedLengths } = context;
  const parts: Uint8Array[] = [];
  for (const item of items) {
    if (item === null || typeof item !== 'object') {
      throw new DicomError(
        'INVALID_VALUE',
        `${formatTag(tag)} is a sequence and holds something that is no item.`,
      );
    }
    const content = concatBytes(encodeElements(item, context).map(({ bytes }) => bytes));
    parts.push(encodeItemHeader(definedLengths ? content.length : undefined, encoding), content);
    if (!definedLengths) parts.push(encodeItemDelimiter(encoding));
  }
  const content = concatBytes(parts);
  return concatBytes(
    definedLengths
      ? [encodeElementHeader(tag, 'SQ', content.length, encoding), content]
      : [encodeElementHeader(tag, 'SQ', undefined, encoding), content, encodeSequenceDelimiter(encoding)],
  );
}

/** Puts (gggg,0000) before the elements of each group, in place of any that is there (PS3.5 §7.2). */
function withGroupLengths(elements: readonly EncodedElement[], context: EncodingContext): Uint8Array[] {
  const parts: Uint8Array[] = [];
  const groups = Map.groupBy(elements, ({ tag }) => tag >>> 16);
  for (const [group, members] of groups) {
    const content = concatBytes(members.filter(({ tag }) => (tag & 0xffff) !== 0).map(({ bytes }) => bytes));
    const { littleEndian } = context.encoding;
    const value = encodeValues([content.length], 'UL', { littleEndian });
    parts.push(encodeElement(group * 0x10000, 'UL', value, context.encoding), content);
  }
  return parts;
}

function deflate(bytes: Uint8Array): Uint8Array {
  const deflated = fflate().deflateSync(bytes);
  return deflated.length % 2 === 0 ? deflated : concatBytes([deflated, new Uint8Array(1)]);
}
