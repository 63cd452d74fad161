import { SaxesParser } from 'saxes';
import { PseudonymizeError } from '../pseudonymize-error.ts';

/** An element of a CTP DicomAnonymizer script that is enabled. */
export type CtpElement =
  /** Parameter: `<p t="DATEINC">-3210</p>`. */
  | { kind: 'parameter'; name: string; value: string }
  /** What becomes of an attribute: `<e en="T" t="00080020" n="StudyDate">@keep()</e>`. */
  | { kind: 'attribute'; tag: string; name: string; code: string }
  /** Group to keep, or `safeprivateelements`: `<k en="T" t="0018">Keep group 18</k>`. */
  | { kind: 'keep'; what: string }
  /** What to remove as a whole: `<r en="T" t="privategroups">Remove private groups</r>`. */
  | { kind: 'remove'; what: string }
  /** Anything else that stands in the script. */
  | { kind: 'unknown'; text: string };

/** Longest script, in characters. */
const maxLength = 16 * 1024 * 1024;

/**
 * Reads a script of CTP's DicomAnonymizer: XML, or the older form with lines like `set.[0008,0020]StudyDate=@keep()`. What is
 * switched off is left out.
 *
 * Throws `INVALID_CTP_SCRIPT` for what is neither.
 */
export function readCtpScript(script: string): CtpElement[] {
  if (script.length > maxLength) throw invalid(`it has more than ${maxLength} characters`);
  const text = script.replace(/^\uFEFF/, '');
  const elements = /^\s*</.test(text) ? readXml(text) : readProperties(text);
  if (elements.length === 0) throw invalid('nothing in it is switched on');
  return elements;
}

function readXml(xml: string): CtpElement[] {
  const elements: CtpElement[] = [];
  const parser = new SaxesParser();
  const open: string[] = [];
  let attributes: Record<string, string> = {};
  let content = '';
  parser.on('error', (error) => {
    throw invalid(`it is not well-formed XML (${error.message})`);
  });
  parser.on('doctype', () => {
    throw invalid('it has a document type, which a script needs not');
  });
  parser.on('opentag', (tag) => {
    open.push(tag.name);
    if (open.length === 1 && tag.name !== 'script') throw invalid('its root is no <script>');
    if (open.length === 2) {
      attributes = tag.attributes;
      content = '';
    } else if (open.length > 2) content += `<${tag.name}>`;
  });
  parser.on('text', (text) => {
    content += text;
  });
  parser.on('cdata', (text) => {
    content += text;
  });
  parser.on('closetag', (tag) => {
    if (open.length === 2) elements.push(...elementOf(tag.name, attributes, content));
    open.pop();
  });
  parser.write(xml).close();
  return elements;
}

function elementOf(
  name: string,
  { en, t = '', n = '' }: Record<string, string>,
  content: string,
): CtpElement[] {
  if (name === 'p') return [{ kind: 'parameter', name: t.trim(), value: content.trim() }];
  // CTP takes what does not say `T` for switched off.
  if ((name === 'e' || name === 'k' || name === 'r') && en !== 'T') return [];
  if (name === 'e') return [{ kind: 'attribute', tag: t.trim(), name: n.trim(), code: content.trim() }];
  if (name === 'k') return [{ kind: 'keep', what: t.trim() }];
  if (name === 'r') return [{ kind: 'remove', what: t.trim() }];
  return [{ kind: 'unknown', text: `<${name}>` }];
}

function readProperties(text: string): CtpElement[] {
  const elements: CtpElement[] = [];
  for (const line of text.split(/\r\n|\r|\n/)) {
    const trimmed = line.trim();
    if (trimmed === '' || trimmed.startsWith('#') || trimmed.startsWith('!')) continue;
    const at = trimmed.indexOf('=');
    const [left, right] =
      at < 0 ? [trimmed, ''] : [trimmed.slice(0, at).trim(), trimmed.slice(at + 1).trim()];
    const set = /^set\.[[(]([0-9A-Fa-f]{4}),?([0-9A-Fa-f]{4})[\])](.*)$/.exec(left);
    if (set !== null) {
      elements.push({ kind: 'attribute', tag: set[1]! + set[2]!, name: set[3]!.trim(), code: right });
    } else if (left.startsWith('param.')) {
      elements.push({ kind: 'parameter', name: left.slice('param.'.length), value: right });
    } else if (left.startsWith('keep.')) {
      elements.push({
        kind: 'keep',
        what: left
          .slice('keep.'.length)
          .replace(/^group/, '')
          .padStart(4, '0'),
      });
    } else if (left.startsWith('remove.')) {
      elements.push({ kind: 'remove', what: left.slice('remove.'.length) });
    } else if (elements.length === 0 && at < 0) {
      throw invalid('it is neither XML nor lines of set., keep., remove. and param.');
    } else {
      elements.push({ kind: 'unknown', text: left.slice(0, 64) });
    }
  }
  return elements;
}

function invalid(reason: string): PseudonymizeError {
  return new PseudonymizeError('INVALID_CTP_SCRIPT', `The CTP script cannot be read: ${reason}.`);
}
