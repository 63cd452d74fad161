/**
 * May the text stand for a UID in a path? Components with leading zeros break PS3.5 §9.1 and are found in archives, so they
 * may; whatever could lead to another path may not.
 */
export function isUidLike(text: string): boolean {
  return text.length <= 64 && /^\d+(?:\.\d+)*$/.test(text);
}
