import { type Tag, tagElement, tagGroup, type Vr } from '@adit/core';
import { tableE3101 } from '../generated/safe-private-attributes.ts';

let vrs: ReadonlyMap<string, Vr> | undefined;

/**
 * The VR of a private attribute that PS3.15 Table E.3.10-1 lists as safe, `UN` where the table names none. Undefined for all
 * others.
 *
 * @param creator trimmed value of the private creator that reserved its block
 */
export function safePrivateVr(creator: string, tag: Tag): Vr | undefined {
  vrs ??= read();
  return vrs.get(keyOf(creator, tagGroup(tag), tagElement(tag) & 0xff));
}

function keyOf(creator: string, group: number, element: number): string {
  return `${group}\\${element}\\${creator}`;
}

function read(): Map<string, Vr> {
  const read = new Map<string, Vr>();
  for (const line of tableE3101.trim().split('\n')) {
    const bar = line.indexOf('|');
    const group = Number.parseInt(line.slice(0, 4), 16);
    const creator = line.slice(5, bar);
    for (const entry of line.slice(bar + 1).split(' ')) {
      read.set(keyOf(creator, group, Number.parseInt(entry.slice(0, 2), 16)), entry.slice(2) as Vr);
    }
  }
  return read;
}
