import { DicomError } from '../errors.ts';
import type { DicomInstance } from '../transfer/types.ts';
import { createAttributeCollector } from './attribute-collector.ts';
import type { Attributes } from './attributes.ts';
import { createElementReader, isElementStart, type Token } from './element-reader.ts';
import { replay } from './replay.ts';
import type { Tag } from './tag.ts';
import { tagToHex } from './tag.ts';
import { Tags } from './tags.ts';

export interface PeekedHeader {
  /** The wanted attributes that the data set has. */
  attributes: Attributes;
  /** The same instance. Its data set begins anew; the one that was given is spent. */
  instance: DicomInstance;
}

export interface PeekHeaderOptions {
  /** Most bytes to read, and to keep until the instance is read, before giving up with `TOO_LARGE`. Default: 32 MiB. */
  maxBytes?: number;
}

/**
 * Looks into the beginning of an instance's data set, no further than it must: the source is read until the wanted
 * attributes have come, or the place in the order of tags where they would have. Values above 64 KiB and pixel data are
 * left out.
 *
 * Throws what reading the data set throws; the source is ended then.
 *
 * @param wanted tags to look for; or one tag, to get all elements before it
 */
export async function peekHeader(
  instance: DicomInstance,
  wanted: readonly Tag[] | Tag,
  options: PeekHeaderOptions = {},
): Promise<PeekedHeader> {
  const { maxBytes = 32 * 1024 * 1024 } = options;
  const source = instance.dataset[Symbol.asyncIterator]();
  const peek = createHeaderPeek(instance.transferSyntaxUid, wanted);
  const chunks: Uint8Array[] = [];
  let length = 0;
  try {
    while (!peek.done) {
      const result = await source.next();
      if (result.done === true) {
        peek.end();
        break;
      }
      chunks.push(result.value);
      length += result.value.length;
      peek.push(result.value);
      if (!peek.done && length > maxBytes) {
        throw new DicomError('TOO_LARGE', `The wanted attributes are not in the first ${maxBytes} bytes.`);
      }
    }
  } catch (error) {
    await source.return?.();
    throw error;
  }
  return { attributes: peek.attributes(), instance: { ...instance, dataset: replay(chunks, source) } };
}

/** Takes the wanted attributes out of the beginning of a data set, which is pushed until there is no more to come. */
export interface HeaderPeek {
  /** All that is wanted has come, or the place where it would have. */
  readonly done: boolean;
  push(chunk: Uint8Array): void;
  /** The data set is at its end. */
  end(): void;
  attributes(): Attributes;
}

/** @param wanted see `peekHeader` */
export function createHeaderPeek(transferSyntaxUid: string, wanted: readonly Tag[] | Tag): HeaderPeek {
  const selector = createSelector(wanted);
  const reader = createElementReader({ transferSyntaxUid });
  const take = (tokens: Iterable<Token>) => {
    for (const token of tokens) {
      selector.add(token);
      if (selector.done) break;
    }
  };
  return {
    get done() {
      return selector.done;
    },
    push: (chunk) => take(reader.push(chunk)),
    end: () => take(reader.end()),
    attributes: () => selector.attributes(),
  };
}

/** Takes the wanted elements out of tokens and says when no more can come. */
function createSelector(wanted: readonly Tag[] | Tag) {
  const collector = createAttributeCollector({ bulk: false });
  const tags = typeof wanted === 'number' ? undefined : new Set(wanted);
  const last = typeof wanted === 'number' ? wanted - 1 : Math.max(-1, ...wanted);
  /** Of the element of the data set that is being read, sequences with all that is in them. */
  let taking = false;
  let left = tags?.size ?? Number.POSITIVE_INFINITY;
  let done = left === 0;

  return {
    get done() {
      return done;
    },
    add(token: Token) {
      if (token.depth === 0 && isElementStart(token)) {
        if (token.tag > last) {
          done = true;
          return;
        }
        const isWanted = tags === undefined || tags.has(token.tag);
        // The character set is needed for the others, wanted or not.
        taking = isWanted || token.tag === Tags.SpecificCharacterSet;
        if (isWanted) left--;
      }
      if (taking) collector.add(token);
      const ends = token.depth === 0 && (token.kind === 'element' || token.kind === 'sequence-end');
      if (left === 0 && ends) done = true;
    },
    attributes(): Attributes {
      if (tags === undefined || tags.has(Tags.SpecificCharacterSet)) return collector.attributes;
      const { [tagToHex(Tags.SpecificCharacterSet)]: _, ...attributes } = collector.attributes;
      return attributes;
    },
  };
}
