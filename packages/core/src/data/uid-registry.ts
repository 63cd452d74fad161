import { uidData } from './generated/uid-data.ts';

/** An entry of PS3.6 Annex A. */
export interface RegisteredUid {
  uid: string;
  /** Empty for two SOP classes that were retired before they had one. */
  name: string;
  /** `SOP Class`, `Transfer Syntax`, `Well-known frame of reference`, `Coding Scheme`, `Context Group Name` … */
  type: string;
  retired: boolean;
}

/** The root under which NEMA registers UIDs (PS3.6 Annex A). */
const root = '1.2.840.10008.';

/** Context groups are numbered below this arc, and nothing else is (PS3.6 Table A-3). */
const contextGroup = /^1\.2\.840\.10008\.6\.1\.[1-9]\d{0,4}$/;

let registry: Map<string, RegisteredUid> | undefined;

/** Looks a UID up in PS3.6 Annex A. Context groups are known by their arc, without their names. */
export function registeredUid(uid: string): RegisteredUid | undefined {
  if (!uid.startsWith(root)) return undefined;
  registry ??= load();
  const entry = registry.get(uid);
  if (entry !== undefined) return entry;
  return contextGroup.test(uid)
    ? { uid, name: 'Context group', type: 'Context Group Name', retired: false }
    : undefined;
}

/**
 * Is the UID a SOP class of objects that are stored (PS3.4 Annex B and GG), retired ones included? Private SOP classes
 * are not known.
 */
export function isStorageSopClass(uid: string): boolean {
  const entry = registeredUid(uid);
  return (
    entry !== undefined &&
    entry.type === 'SOP Class' &&
    /\bStorage\b/.test(entry.name) &&
    // Has the word in its name and another service behind it.
    !/^(Storage Commitment|Media Storage Directory)\b/.test(entry.name)
  );
}

/** The SOP classes of the storage service, retired ones included, in the order of the standard. */
export function storageSopClasses(): RegisteredUid[] {
  registry ??= load();
  return [...registry.values()].filter((entry) => isStorageSopClass(entry.uid));
}

function load(): Map<string, RegisteredUid> {
  const entries = new Map<string, RegisteredUid>();
  let type = '';
  for (const line of uidData.split('\n')) {
    if (line.startsWith('=')) {
      type = line.slice(1);
      continue;
    }
    const retired = line.startsWith('!');
    const space = line.indexOf(' ');
    const uid = root + line.slice(retired ? 1 : 0, space);
    entries.set(uid, { uid, name: line.slice(space + 1), type, retired });
  }
  return entries;
}
