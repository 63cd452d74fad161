import { fflate } from '#fflate';
import { DicomError } from '../errors.ts';

/** Inflates as it is asked to, so that never more than one piece lies in memory. */
export interface Inflater {
  push(chunk: Uint8Array): void;
  end(): void;
  /** The next inflated bytes; undefined until more are pushed. */
  next(): Uint8Array | undefined;
}

/**
 * Bytes inflated in one step. Deflate makes at most 1,032 bytes of one, so that a step makes at most 8 MiB.
 */
const step = 8 * 1024;

/**
 * Longest run of deflated bytes that may give nothing: a stored block is read whole, and is 64 KiB at most (RFC 1951
 * §3.2.4). More follow only after the end of the deflated stream.
 */
const longestSilence = 128 * 1024;

/**
 * Pushed at the end. Behind a final block it is ignored; anywhere else it is an error, for it can not be read as the
 * rest of a stream: its bits are a block of type 3, which there is none of (RFC 1951 §3.2.3).
 */
const sentinel = new Uint8Array(8).fill(0xff);

/** A data set may inflate to this much whatever the ratio: an empty image is a fair one. */
const freeLength = 64 * 1024 * 1024;

/**
 * Reads a deflated data set (PS3.5 §A.5). Throws `TOO_LARGE` when it inflates to more than `maxLength` bytes or to more
 * than `maxRatio` times its length, and `MALFORMED` when it is no deflate stream.
 */
export function createInflater(options: { maxLength: number; maxRatio: number }): Inflater {
  const ready: Uint8Array[] = [];
  const { Inflate } = fflate();
  const inflate = new Inflate((data) => {
    if (data.length > 0) ready.push(data);
  });
  let pending = new Uint8Array(0);
  let ending = false;
  let ended = false;
  let deflated = 0;
  let inflated = 0;
  let silence = 0;

  function run(bytes: Uint8Array, last: boolean): void {
    try {
      inflate.push(bytes, last);
    } catch (cause) {
      // At the end it means that the stream is cut off: its final block has not come.
      const code = last ? 'TRUNCATED' : 'MALFORMED';
      const what = last ? 'ends too early' : 'is no deflate stream';
      throw new DicomError(code, `The deflated data set ${what}.`, { cause });
    }
    deflated += bytes.length;
    silence = ready.length > 0 ? 0 : silence + bytes.length;
    if (silence > longestSilence) {
      throw new DicomError('MALFORMED', 'Bytes follow after the end of the deflated data set.');
    }
    for (const data of ready) inflated += data.length;
    if (inflated > options.maxLength || (inflated > freeLength && inflated > deflated * options.maxRatio)) {
      throw new DicomError('TOO_LARGE', 'The deflated data set inflates to more than is allowed.');
    }
  }

  return {
    push(chunk) {
      if (pending.length > 0 || ready.length > 0)
        throw new Error('The last chunk has not all been inflated.');
      pending = chunk as Uint8Array<ArrayBuffer>;
    },
    end() {
      ending = true;
    },
    next() {
      while (ready.length === 0) {
        if (pending.length > 0) {
          const piece = pending.subarray(0, step);
          pending = pending.subarray(step);
          run(piece, false);
        } else if (ending && !ended) {
          ended = true;
          run(sentinel, true);
        } else {
          return undefined;
        }
      }
      return ready.shift();
    },
  };
}
