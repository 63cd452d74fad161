import { tableOf } from './graphic-sets.ts';

/** Four-byte codes of the Basic Multilingual Plane come before this one, those of the other planes from 189000 on. */
const basicFourByteCodes = 39_420;
const firstSupplementaryCode = 189_000;

let twoByteCodes: ReadonlyMap<string, number> | undefined;
let fourByteCodes: ReadonlyMap<string, number> | undefined;

/**
 * Encodes a text in GB18030, or in GBK, which is its part of one and two bytes. Undefined when a character has no code.
 * The platform decodes both, but encodes neither.
 */
export function encodeGb18030(text: string, repertoire: 'GB18030' | 'GBK'): Uint8Array | undefined {
  const bytes: number[] = [];
  for (const character of text) {
    const point = character.codePointAt(0)!;
    if (point < 0x80) {
      bytes.push(point);
      continue;
    }
    twoByteCodes ??= tableOf('gb18030', allTwoByteCodes(), (code) => [code >> 8, code & 0xff]).codes;
    const code = twoByteCodes.get(character);
    if (code !== undefined) {
      bytes.push(code >> 8, code & 0xff);
      continue;
    }
    const pointer = repertoire === 'GB18030' ? fourBytePointer(character, point) : undefined;
    if (pointer === undefined) return undefined;
    bytes.push(...fourBytes(pointer));
  }
  return Uint8Array.from(bytes);
}

function allTwoByteCodes(): number[] {
  const codes: number[] = [];
  for (let lead = 0x81; lead <= 0xfe; lead++) {
    for (let trail = 0x40; trail <= 0xfe; trail++) if (trail !== 0x7f) codes.push(lead * 256 + trail);
  }
  return codes;
}

/** The place of a character in the order of four-byte codes. */
function fourBytePointer(character: string, point: number): number | undefined {
  if (point >= 0x10000) return point - 0x10000 + firstSupplementaryCode;
  fourByteCodes ??= tableOf(
    'gb18030',
    Array.from({ length: basicFourByteCodes }, (_, pointer) => pointer),
    fourBytes,
  ).codes;
  return fourByteCodes.get(character);
}

function fourBytes(pointer: number): number[] {
  return [
    0x81 + Math.floor(pointer / 12_600),
    0x30 + (Math.floor(pointer / 1260) % 10),
    0x81 + (Math.floor(pointer / 10) % 126),
    0x30 + (pointer % 10),
  ];
}
