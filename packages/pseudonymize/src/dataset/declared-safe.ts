import { type ElementToken, type Tag, tagElement, tagGroup } from '@adit/core';
import { latin1Text, trimmed } from '../identifiers/text.ts';

/** What an item of (0008,0300) says about a block of private attributes (PS3.3 §C.12.1). */
interface Declaration {
  group: number | undefined;
  creator: string;
  status: string;
  elements: ReadonlySet<number>;
}

/** The private attributes that an object itself declares to be safe, in (0008,0300). */
export class DeclaredSafe {
  readonly #declarations: Declaration[] = [];

  /** An item of the sequence begins. */
  beginItem(): void {
    if (this.#declarations.length >= 1000) return;
    this.#declarations.push({ group: undefined, creator: '', status: '', elements: new Set() });
  }

  /** An element of the item that began last. */
  take({ tag, value, encoding }: ElementToken): void {
    const declaration = this.#declarations.at(-1);
    if (declaration === undefined) return;
    switch (tag) {
      case 0x00080301: // Private Group Reference
        [declaration.group] = numbers(value, encoding.littleEndian);
        break;
      case 0x00080302: // Private Creator Reference
        declaration.creator = trimmed(latin1Text(value));
        break;
      case 0x00080303: // Block Identifying Information Status
        declaration.status = trimmed(latin1Text(value));
        break;
      case 0x00080304: // Nonidentifying Private Elements
        declaration.elements = new Set(numbers(value, encoding.littleEndian).map((number) => number & 0xff));
    }
  }

  has(creator: string, tag: Tag): boolean {
    return this.#declarations.some(
      (declaration) =>
        declaration.group === tagGroup(tag) &&
        declaration.creator === creator &&
        (declaration.status === 'SAFE' ||
          (declaration.status === 'MIXED' && declaration.elements.has(tagElement(tag) & 0xff))),
    );
  }
}

function numbers(value: Uint8Array, littleEndian: boolean): number[] {
  const view = new DataView(value.buffer, value.byteOffset, value.byteLength);
  return Array.from({ length: value.length >>> 1 }, (_, index) => view.getUint16(2 * index, littleEndian));
}
