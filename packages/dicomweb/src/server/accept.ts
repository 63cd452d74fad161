import { type MediaType, parseMediaType } from '../multipart/media-type.ts';

/** One range of an Accept header, with its parameters (RFC 9110 §12.5.1). */
export interface MediaRange extends MediaType {
  /** From 0 (never) to 1. */
  quality: number;
}

/** Reads an Accept header, the most wanted first; what is not wanted at all is left out. None means everything. */
export function parseAccept(header: string | null): MediaRange[] {
  if (header === null || header.trim() === '') return [{ type: '*/*', parameters: new Map(), quality: 1 }];
  return splitOutsideQuotes(header)
    .map((text) => {
      const mediaType = parseMediaType(text);
      const quality = Number(mediaType.parameters.get('q') ?? 1);
      return { ...mediaType, quality: Number.isFinite(quality) ? quality : 1 };
    })
    .filter(({ type, quality }) => type !== '' && quality > 0)
    .sort((a, b) => b.quality - a.quality);
}

/** Is the type within the range? `multipart/related` is when the range says nothing of what it relates, or the same. */
export function includesType(range: MediaRange, type: string, related?: string): boolean {
  if (range.type === '*/*' || range.type === `${type.split('/')[0]}/*`) return true;
  if (range.type !== type) return false;
  const wanted = range.parameters.get('type')?.toLowerCase();
  return related === undefined || wanted === undefined || wanted === '*/*' || wanted === related;
}

/** Transfer syntaxes that ranges allow (PS3.18 §8.7.3.5.2); undefined: whichever it is. */
export function transferSyntaxesOf(ranges: readonly MediaRange[]): ReadonlySet<string> | undefined {
  const uids = new Set<string>();
  for (const { parameters } of ranges) {
    const uid = parameters.get('transfer-syntax');
    if (uid === undefined || uid === '*') return undefined;
    uids.add(uid);
  }
  return uids;
}

function splitOutsideQuotes(text: string): string[] {
  return text.match(/(?:"(?:[^"\\]|\\.)*"|[^,])+/g) ?? [];
}
