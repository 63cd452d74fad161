/** A token (RFC 9110 §5.6.2). */
const NAME = /^[!#$%&'*+.^_`|~\dA-Za-z-]+$/;

/** No control characters, which end or spoil it, and one byte a character (RFC 9110 §5.5). */
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;

/**
 * Are these headers? A `Headers` would say so as well, but its error may repeat a value, which may be a credential, and Node
 * has to load its whole `fetch` for one.
 */
export function areHeaders(headers: Readonly<Record<string, string>>): boolean {
  return Object.entries(headers).every(([name, value]) => NAME.test(name) && VALUE.test(value));
}
