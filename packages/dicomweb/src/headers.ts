/** Are these headers? Node's own error would repeat a value, which may be a credential. */
export function areHeaders(headers: Readonly<Record<string, string>>): boolean {
  try {
    new Headers(headers);
    return true;
  } catch {
    return false;
  }
}
