/** A part of the code that a CTP script has for an attribute: text as it stands, or a function. */
export type CtpPart = string | CtpCall;

export interface CtpCall {
  name: string;
  /** Arguments without the quotes around them. */
  args: readonly string[];
  /** Code in braces behind it: of `@if`, what is done when it is true and when it is not. */
  blocks: readonly string[];
}

/** Functions that are followed by code in braces, and by how much of it. */
const blocksOf: Readonly<Record<string, number>> = { if: 2, select: 2, append: 1 };

/**
 * Takes the code of an attribute apart: `a@param(@X)` is the text `a` and a call of `param`. A backslash makes the next
 * character a plain one. Undefined where parentheses or braces do not close.
 */
export function parseCtpCode(code: string): CtpPart[] | undefined {
  const parts: CtpPart[] = [];
  let text = '';
  let at = 0;
  while (at < code.length) {
    const character = code[at]!;
    if (character === '\\' && at + 1 < code.length) {
      text += code[at + 1];
      at += 2;
    } else if (character === '@') {
      const call = parseCall(code, at + 1);
      if (call === undefined) return undefined;
      if (text !== '') parts.push(text);
      text = '';
      parts.push(call.call);
      at = call.end;
    } else {
      text += character;
      at++;
    }
  }
  if (text !== '') parts.push(text);
  return parts;
}

function parseCall(code: string, start: number): { call: CtpCall; end: number } | undefined {
  const open = code.indexOf('(', start);
  const name = open < 0 ? '' : code.slice(start, open).replace(/\s/g, '').toLowerCase();
  if (!/^[a-z]+$/.test(name)) return undefined;
  const list = enclosed(code, open, '(', ')');
  if (list === undefined) return undefined;
  let end = list.end;
  const blocks: string[] = [];
  for (let i = 0; i < (blocksOf[name] ?? 0); i++) {
    const brace = /^\s*\{/.exec(code.slice(end));
    if (brace === null) break;
    const block = enclosed(code, end + brace[0].length - 1, '{', '}');
    if (block === undefined) return undefined;
    blocks.push(block.inside);
    end = block.end;
  }
  return { call: { name, args: splitArguments(list.inside), blocks }, end };
}

/** What stands between a bracket and the one that closes it; brackets in quotes do not count. */
function enclosed(
  code: string,
  start: number,
  open: string,
  close: string,
): { inside: string; end: number } | undefined {
  let depth = 0;
  let quoted = false;
  for (let at = start; at < code.length; at++) {
    const character = code[at];
    if (character === '\\') at++;
    else if (character === '"') quoted = !quoted;
    else if (quoted) continue;
    else if (character === open) depth++;
    else if (character === close && --depth === 0) {
      return { inside: code.slice(start + 1, at), end: at + 1 };
    }
  }
  return undefined;
}

function splitArguments(list: string): string[] {
  if (list.trim() === '') return [];
  const args: string[] = [];
  let quoted = false;
  let brackets = 0;
  let start = 0;
  for (let at = 0; at <= list.length; at++) {
    const character = list[at];
    if (character === '\\') at++;
    else if (character === '"') quoted = !quoted;
    else if (!quoted && (character === '[' || character === '(')) brackets++;
    else if (!quoted && (character === ']' || character === ')')) brackets--;
    if (at >= list.length || (character === ',' && !quoted && brackets === 0)) {
      args.push(unquoted(list.slice(start, at)));
      start = at + 1;
    }
  }
  return args;
}

function unquoted(argument: string): string {
  const text = argument.trim();
  return text.length >= 2 && text.startsWith('"') && text.endsWith('"') ? text.slice(1, -1) : text;
}
