import { characterSetOf, type ElementToken, type Tag, Tags, type Token } from '@adit/core';
import { latin1Text, textOfValue, trimmed } from '../identifiers/text.ts';
import type { PixelRectangle } from './pixel-mask.ts';

/** Sequence of Ultrasound Regions (PS3.3 §C.8.5.5) and what its items say of where they are. */
const ultrasoundRegions: Tag = 0x00186011;
const regionSpatialFormat: Tag = 0x00186012;
const regionLocations: readonly Tag[] = [
  Tags.RegionLocationMinX0,
  Tags.RegionLocationMinY0,
  Tags.RegionLocationMaxX1,
  Tags.RegionLocationMaxY1,
];

/** Longest value that is kept: of palettes. */
const maxValue = 64 * 1024;

/** What a header says of the pixels that come after it. */
export class PixelHeader {
  readonly #elements = new Map<Tag, ElementToken>();
  #inRegions = false;
  #region: Map<Tag, number> | undefined;
  readonly #regions: PixelRectangle[] = [];

  take(token: Token): void {
    const { depth } = token;
    if (token.kind === 'element') {
      if (depth === 0 && token.value.length <= maxValue) this.#elements.set(token.tag, token);
      else if (depth === 1 && this.#region !== undefined) this.#region.set(token.tag, numberOf(token));
    } else if (token.kind === 'sequence-start' && depth === 0) {
      this.#inRegions = token.tag === ultrasoundRegions;
    } else if (token.kind === 'item-start' && depth === 1 && this.#inRegions) {
      this.#region = new Map();
    } else if (token.kind === 'item-end' && depth === 1) {
      this.#endRegion();
    }
  }

  /** The value of an attribute of the data set itself, several with backslashes; undefined where it is not there. */
  text(tag: Tag): string | undefined {
    const element = this.#elements.get(tag);
    if (element === undefined) return undefined;
    if (element.vr === 'US' || element.vr === 'UL') return String(numberOf(element));
    const terms = this.#elements.get(Tags.SpecificCharacterSet);
    const characterSet = characterSetOf(
      terms === undefined ? [] : latin1Text(terms.value).split('\\').map(trimmed),
    );
    return textOfValue(element.value, element.vr, characterSet).split('\\').map(trimmed).join('\\');
  }

  /** The first value of an attribute of VR US or IS; undefined where there is none. */
  number(tag: Tag): number | undefined {
    const element = this.#elements.get(tag);
    if (element === undefined || element.value.length === 0) return undefined;
    const number = numberOf(element);
    return Number.isInteger(number) ? number : undefined;
  }

  element(tag: Tag): ElementToken | undefined {
    return this.#elements.get(tag);
  }

  /** Parts of a frame that show ultrasound or what was measured with it. */
  get regions(): readonly PixelRectangle[] {
    return this.#regions;
  }

  #endRegion(): void {
    const region = this.#region;
    this.#region = undefined;
    if (region === undefined) return;
    const [x, y, right, bottom] = regionLocations.map((tag) => region.get(tag) ?? Number.NaN) as [
      number,
      number,
      number,
      number,
    ];
    // 0 is no region of an image (PS3.3 §C.8.5.5.1.1).
    if (region.get(regionSpatialFormat) === 0 || !(x >= 0 && y >= 0 && right > x && bottom > y)) return;
    this.#regions.push({ x, y, width: right - x + 1, height: bottom - y + 1 });
  }
}

/** The first number of a value. */
function numberOf({ vr, value, encoding: { littleEndian } }: ElementToken): number {
  const view = new DataView(value.buffer, value.byteOffset, value.byteLength);
  if ((vr === 'US' || vr === 'UN') && value.length >= 2 && value.length < 4)
    return view.getUint16(0, littleEndian);
  if ((vr === 'UL' || vr === 'UN') && value.length >= 4) return view.getUint32(0, littleEndian);
  if (vr === 'US' && value.length >= 2) return view.getUint16(0, littleEndian);
  const text = trimmed(latin1Text(value).split('\\')[0]!);
  return text === '' ? Number.NaN : Number(text);
}
