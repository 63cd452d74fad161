/**
 * The cookies of one server, for places without a browser: keeps the session between requests.
 *
 * In browsers it stays empty, for `fetch` hides `Set-Cookie` there and sends cookies itself.
 */
export class CookieJar {
  readonly #cookies = new Map<string, string>();

  /** Takes up what an answer sets; what has ended is dropped. */
  take(headers: Headers): void {
    for (const line of headers.getSetCookie()) {
      const [pair = '', ...attributes] = line.split(';').map((part) => part.trim());
      const equals = pair.indexOf('=');
      if (equals <= 0) continue;
      const name = pair.slice(0, equals);
      if (attributes.some(hasEnded)) this.#cookies.delete(name);
      else this.#cookies.set(name, pair.slice(equals + 1));
    }
  }

  /** Value of the `Cookie` header, if there is anything to send. */
  header(): string | undefined {
    if (this.#cookies.size === 0) return undefined;
    return [...this.#cookies].map(([name, value]) => `${name}=${value}`).join('; ');
  }
}

function hasEnded(attribute: string): boolean {
  const [name, value = ''] = attribute.split('=', 2);
  switch (name?.toLowerCase()) {
    case 'max-age':
      return Number(value) <= 0;
    case 'expires':
      return Date.parse(value) <= Date.now();
    default:
      return false;
  }
}
