import { createElementReader, type Token } from '../data/element-reader.ts';
import { Tags } from '../data/tags.ts';
import type { DicomInstance } from './types.ts';

/** A hash that takes its bytes piece by piece. What `createHash('sha256')` of node:crypto makes is one. */
export interface StreamingHash {
  update(bytes: Uint8Array): unknown;
  digest(encoding: 'hex'): string;
}

export interface HashedPixelData {
  /** The same instance, with a data set that is hashed while it is read. */
  instance: DicomInstance;
  /** The hash in hexadecimal digits, once the data set was read to its end; undefined for an object without pixel data. */
  digest(): string | undefined;
}

/** Pixel Data (7FE0,0010), Float Pixel Data (7FE0,0008), Double Float Pixel Data (7FE0,0009): PS3.3 §C.7.6.3, §C.7.6.24. */
const PIXEL_DATA: ReadonlySet<number> = new Set([
  Tags.PixelData,
  Tags.FloatPixelData,
  Tags.DoubleFloatPixelData,
]);

/**
 * Hashes the pixel data of an instance on its way: the value of its pixel data element, which of encapsulated pixel data is
 * all fragments one after the other, without the Basic Offset Table. So an object whose header alone was changed keeps its
 * hash. A data set that cannot be read has none: telling so is not the hash's business.
 */
export function hashPixelData(instance: DicomInstance, createHash: () => StreamingHash): HashedPixelData {
  let digest: string | undefined;
  async function* read(): AsyncGenerator<Uint8Array, void, undefined> {
    const pixels = pixelHasher(instance.transferSyntaxUid, createHash);
    for await (const chunk of instance.dataset) {
      pixels.push(chunk);
      yield chunk;
    }
    digest = pixels.end();
  }
  return { instance: { ...instance, dataset: read() }, digest: () => digest };
}

function pixelHasher(transferSyntaxUid: string, createHash: () => StreamingHash) {
  let reader: ReturnType<typeof createElementReader> | undefined = createElementReader({ transferSyntaxUid });
  let hash: StreamingHash | undefined;
  /** Within the pixel data of the data set, as opposed to those of an icon in one of its sequences. */
  let within = false;
  let fragment = 0;

  const take = (token: Token) => {
    switch (token.kind) {
      case 'element':
      case 'bulk-start':
      case 'fragments-start':
        if (token.depth !== 0) return;
        within = PIXEL_DATA.has(token.tag);
        if (!within) return;
        hash ??= createHash();
        fragment = 1;
        if (token.kind === 'element') hash.update(token.value);
        return;
      case 'sequence-start':
        if (token.depth === 0) within = false;
        return;
      case 'fragment-start':
        if (within) fragment = token.index;
        return;
      case 'bulk-chunk':
        if (within && fragment > 0) hash?.update(token.bytes);
    }
  };

  /** Lets go of what cannot be read. */
  const reading = (tokens: () => Iterable<Token>) => {
    if (!reader) return;
    try {
      for (const token of tokens()) take(token);
    } catch {
      reader = undefined;
      hash = undefined;
    }
  };

  return {
    push: (chunk: Uint8Array) => reading(() => reader!.push(chunk)),
    end(): string | undefined {
      reading(() => reader!.end());
      return hash?.digest('hex');
    },
  };
}
