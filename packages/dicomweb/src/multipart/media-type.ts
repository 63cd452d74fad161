/** A media type with its parameters (RFC 9110 §8.3.1). */
export interface MediaType {
  /** `multipart/related`, in lower case; empty when the header was. */
  type: string;
  /** Values by lower-case name, without quotes. */
  parameters: ReadonlyMap<string, string>;
}

/**
 * Reads a Content-Type header. Values that hold `/` should be quoted and often are not (`type=application/dicom`): an
 * unquoted value goes up to the next semicolon.
 */
export function parseMediaType(header: string | undefined): MediaType {
  const [type = '', rest = ''] = divide(header ?? '', ';');
  const parameters = new Map<string, string>();
  for (const [, name, quoted, plain] of rest.matchAll(PARAMETER)) {
    const value = quoted?.replaceAll(/\\(.)/g, '$1') ?? plain!.replaceAll('"', '').trim();
    if (!parameters.has(name!.toLowerCase())) parameters.set(name!.toLowerCase(), value);
  }
  return { type: type.trim().toLowerCase(), parameters };
}

const PARAMETER = /([^\s=;]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^;]*))/g;

function divide(text: string, separator: string): [string, string] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + separator.length)];
}
