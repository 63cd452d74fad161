/** An entry of PS3.6 Annex A. */
export interface RegisteredUid {
  uid: string;
  name: string;
  /** `SOP Class`, `Transfer Syntax`, `Well-known frame of reference`, `Coding Scheme`, `Context Group Name` … */
  type: string;
  retired: boolean;
}

/** Looks a UID up in PS3.6 Annex A. */
export function registeredUid(_uid: string): RegisteredUid | undefined {
  return undefined;
}

/** Is the UID a SOP class of the storage service (PS3.4 Annex B), retired ones included? */
export function isStorageSopClass(_uid: string): boolean {
  return false;
}
