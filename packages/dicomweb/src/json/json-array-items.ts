import { concatBytes } from '../concat-bytes.ts';
import { DicomWebError } from '../dicomweb-error.ts';

export interface JsonArrayOptions {
  /** Most bytes of one item. Default: 4 MiB. */
  maxItemBytes?: number;
  /** Whom errors name. Default: `The sender`. */
  peer?: string;
}

/** How deep an item may nest. DICOM's own sequences rarely exceed ten levels, at three of JSON each. */
const MAX_DEPTH = 200;

/**
 * Parses the items of a JSON array of objects one by one, while the array arrives. An empty stream has none.
 *
 * Throws `DicomWebError`: `TRUNCATED` (retryable), `MALFORMED`, `LIMIT`.
 */
export async function* jsonArrayItems(
  stream: AsyncIterable<Uint8Array>,
  options: JsonArrayOptions = {},
): AsyncGenerator<unknown, void, undefined> {
  const { maxItemBytes = 4 * 1024 * 1024, peer = 'The sender' } = options;
  const malformed = (cause?: unknown) =>
    new DicomWebError('MALFORMED', `${peer} answered with something that is not a list of DICOM JSON.`, {
      cause,
    });

  /** 0: before the array, 1: between its items, above: within an item. */
  let depth = 0;
  let ended = false;
  let inText = false;
  let escaped = false;
  let item: Uint8Array[] = [];
  let itemBytes = 0;

  for await (const chunk of stream) {
    let start = 0;
    for (let i = 0; i < chunk.length; i++) {
      // Structure is ASCII, and no byte of a longer UTF-8 sequence is.
      const byte = chunk[i]!;
      if (inText) {
        if (escaped) escaped = false;
        else if (byte === BACKSLASH) escaped = true;
        else if (byte === QUOTE) inText = false;
        continue;
      }
      switch (byte) {
        case QUOTE:
          if (depth < 2) throw malformed();
          inText = true;
          break;
        case OPEN_BRACKET:
        case OPEN_BRACE:
          // One array, and nothing but objects in it.
          if (ended || (depth === 0 && byte !== OPEN_BRACKET) || (depth === 1 && byte !== OPEN_BRACE)) {
            throw malformed();
          }
          if (depth === 1) start = i;
          depth += 1;
          if (depth > MAX_DEPTH) throw malformed();
          break;
        case CLOSE_BRACKET:
        case CLOSE_BRACE:
          depth -= 1;
          if (depth < 0) throw malformed();
          if (depth === 0) ended = true;
          if (depth === 1) {
            item.push(chunk.subarray(start, i + 1));
            yield parse(item, malformed);
            item = [];
            itemBytes = 0;
          }
          break;
        default:
          if (depth < 2 && !BETWEEN_ITEMS.has(byte)) throw malformed();
      }
    }
    if (depth > 1) {
      item.push(chunk.subarray(start));
      itemBytes += chunk.length - start;
      if (itemBytes > maxItemBytes) {
        throw new DicomWebError('LIMIT', `${peer} sent a match larger than ${maxItemBytes} bytes.`);
      }
    }
  }
  if (depth > 0) {
    throw new DicomWebError('TRUNCATED', `${peer} ended its answer in the middle: try again.`, {
      retryable: true,
    });
  }
}

function parse(chunks: Uint8Array[], malformed: (cause: unknown) => DicomWebError): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(concatBytes(chunks)));
  } catch (error) {
    throw malformed(error);
  }
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
/** Comma, white space, and the three bytes of a byte order mark. */
const BETWEEN_ITEMS: ReadonlySet<number> = new Set([0x2c, 0x20, 0x09, 0x0d, 0x0a, 0xef, 0xbb, 0xbf]);
