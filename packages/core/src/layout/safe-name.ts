/** Longest name in bytes of UTF-8, leaving room for what makes it unique; most file systems take 255. */
const MAX_BYTES = 120;

/** Names Windows keeps for devices, whatever follows a dot. */
const RESERVED = /^(?:con|prn|aux|nul|conin\$|conout\$|com[0-9¹²³]|lpt[0-9¹²³])(?=\.|$)/i;

/** What Windows does not take, control characters, and those that hide text or turn its direction. */
const UNSAFE = /[<>:"/\\|?*\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;

/**
 * Makes one file or folder name of any text, valid on Linux, macOS and Windows: what is not allowed becomes `_`, white
 * space around it and dots at its end are removed, a long one is cut to 120 bytes, an empty one becomes `default`. The
 * result is never `.` or `..`, does not begin with a dot and holds no separator.
 *
 * Different texts may give the same name.
 */
export function safeName(text: string): string {
  const name = text.toWellFormed().normalize('NFC').replaceAll(UNSAFE, '_').trim().replace(/^\.+/, '_');
  return (
    cut(name, MAX_BYTES)
      .replace(/[.\s]+$/, '')
      .replace(RESERVED, '$&_') || 'default'
  );
}

/** Cuts after a whole character. */
function cut(text: string, maxBytes: number): string {
  const bytes = new TextEncoder().encode(text);
  if (bytes.length <= maxBytes) return text;
  let end = maxBytes;
  // Bytes 10xxxxxx go on with the character before.
  while ((bytes[end]! & 0xc0) === 0x80) end -= 1;
  return new TextDecoder().decode(bytes.subarray(0, end));
}
