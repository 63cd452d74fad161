/**
 * Reads a lookup table of CTP: lines `keytype/key = value`, those that begin with `#` or `!` being comments. A value
 * `@keytype/key` is that of another line.
 */
export function lookupTable(text: string): ReadonlyMap<string, string> {
  const table = new Map<string, string>();
  for (const line of text.split(/\r\n|\r|\n/)) {
    const trimmed = line.trim();
    // Properties (java.util.Properties) take `=` and `:` alike, and escape both by a backslash.
    const match = /^((?:\\.|[^\\=:])+?)\s*[=:]\s*(.*)$/.exec(trimmed);
    if (trimmed.startsWith('#') || trimmed.startsWith('!') || match === null) continue;
    table.set(unescaped(match[1]!), unescaped(match[2]!).trim());
  }
  for (const [key, value] of table) {
    let found: string | undefined = value;
    for (let steps = 0; found?.startsWith('@') && found.includes('/'); steps++) {
      found = steps < 10 ? table.get(found.slice(1).trim()) : undefined;
    }
    if (found === undefined) table.delete(key);
    else table.set(key, found);
  }
  return table;
}

function unescaped(text: string): string {
  return text.replace(/\\(.)/g, '$1');
}
