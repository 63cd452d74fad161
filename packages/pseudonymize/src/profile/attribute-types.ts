import type { Tag } from '@adit/core';
import { iodModules, moduleTypes, sopClassPrefix } from '../generated/attribute-types.ts';
import type { AttributeType } from './action.ts';

/** The Types of the attributes of a data set, or of the items of a sequence, as far as an action depends on them. */
export interface AttributeTypes {
  /** The strictest Type that a module of the IOD gives the attribute. */
  readonly types: ReadonlyMap<Tag, AttributeType>;
  /** Those of the items of sequences. */
  readonly items: ReadonlyMap<Tag, AttributeTypes>;
}

interface WritableTypes extends AttributeTypes {
  types: Map<Tag, AttributeType>;
  items: Map<Tag, WritableTypes>;
}

/** Lines of the generated data by SOP class, read on first use. */
let lines: { modules: readonly string[]; iods: ReadonlyMap<string, string> } | undefined;
const known = new Map<string, AttributeTypes>();

/**
 * The Types of the attributes of the objects of a SOP class (PS3.3): those of all modules that its IOD may have. Undefined
 * for a SOP class that is not known, private ones among them.
 */
export function attributeTypesOf(sopClassUid: string): AttributeTypes | undefined {
  if (!sopClassUid.startsWith(sopClassPrefix)) return undefined;
  let types = known.get(sopClassUid);
  if (types === undefined) {
    lines ??= readLines();
    const line = lines.iods.get(sopClassUid.slice(sopClassPrefix.length));
    if (line === undefined) return undefined;
    types = readIod(line, lines.modules);
    // There are as many as the data have, and no more.
    known.set(sopClassUid, types);
  }
  return types;
}

function readLines() {
  const iods = new Map<string, string>();
  for (const line of iodModules.trim().split('\n')) {
    const [sopClasses, modules] = [line.slice(0, line.indexOf(' ')), line.slice(line.indexOf(' ') + 1)];
    for (const sopClass of sopClasses.split(',')) iods.set(sopClass, modules);
  }
  return { modules: moduleTypes.trim().split('\n'), iods };
}

function readIod(line: string, modules: readonly string[]): AttributeTypes {
  // What is optional in the modules that are known may not be so in those that are not.
  const isKnown = !line.endsWith('?');
  const root: WritableTypes = { types: new Map(), items: new Map() };
  for (const number of line.replace('?', '').split(' ')) {
    for (const entry of modules[Number(number)]!.split(' ')) {
      const [path, digit] = entry.split('=') as [string, string];
      const type = Number(digit) as AttributeType;
      if (type === 3 && !isKnown) continue;
      const tags = path.split('>').map((tag) => Number.parseInt(tag, 16));
      const last = tags.pop()!;
      let at = root;
      for (const tag of tags) {
        let next = at.items.get(tag);
        if (next === undefined) {
          next = { types: new Map(), items: new Map() };
          at.items.set(tag, next);
        }
        at = next;
      }
      at.types.set(last, Math.min(type, at.types.get(last) ?? 3) as AttributeType);
    }
  }
  return root;
}
