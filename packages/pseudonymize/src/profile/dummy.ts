import { type Vr, vrUnit } from '@adit/core';

/**
 * Values that mean nothing, one for every VR: valid in it, and of characters that every character set has. Attributes
 * whose action is D get them.
 */
export interface Dummies {
  /** One value, for a VR of text. */
  text(vr: Vr): string;
  /** The bytes of a whole value field, padded. */
  bytes(vr: Vr): Uint8Array;
}

interface DummyTexts {
  /** A word of at most 16 upper-case letters: a valid CS, and so anything else. */
  word: string;
  date: string;
  time: string;
}

function textOfVr(vr: Vr, { word, date, time }: DummyTexts): string {
  switch (vr) {
    case 'AS':
      return '000D';
    case 'DA':
      return date;
    case 'DT':
      return date + time;
    case 'TM':
      return time;
    case 'DS':
    case 'IS':
      return '0';
    case 'UI':
      // Never used for an attribute of its own: UIDs are mapped, whatever the action.
      return '2.25.0';
    case 'UR':
      return 'about:blank';
    default:
      return word;
  }
}

function makeDummies(texts: DummyTexts): Dummies {
  const cache = new Map<Vr, Uint8Array>();
  return {
    text: (vr) => textOfVr(vr, texts),
    bytes(vr) {
      let bytes = cache.get(vr);
      if (bytes === undefined) {
        bytes = isBinary(vr)
          ? new Uint8Array(Math.max(2, vr === 'AT' ? 4 : vrUnit(vr)))
          : padded(textOfVr(vr, texts), vr === 'UI' ? 0x00 : 0x20);
        cache.set(vr, bytes);
      }
      return bytes;
    },
  };
}

function isBinary(vr: Vr): boolean {
  return /^(?:AT|FD|FL|O[BDFLVW]|S[LSV]|U[LNSV])$/.test(vr);
}

function padded(text: string, padding: number): Uint8Array {
  const bytes = new Uint8Array(text.length + (text.length & 1)).fill(padding);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}

/** Dummies, and others for a patient who really is called REMOVED or was born on the first day of 1900. */
const choices: readonly { texts: DummyTexts; dummies: Dummies }[] = [
  { word: 'REMOVED', date: '19000101', time: '000000' },
  { word: 'NOVALUE', date: '19010202', time: '010101' },
  { word: 'DUMMY', date: '19020303', time: '020202' },
].map((texts) => ({ texts, dummies: makeDummies(texts) }));

/** The dummies for an instance of which certain texts must not be seen. */
export function dummiesWithout(isForbidden: (text: string) => boolean): Dummies {
  const chosen = choices.find(({ texts }) => !isForbidden(texts.word) && !isForbidden(texts.date));
  return (chosen ?? choices[0]!).dummies;
}
