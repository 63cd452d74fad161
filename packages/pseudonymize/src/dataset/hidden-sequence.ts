import {
  createElementReader,
  type ElementEncoding,
  type ElementToken,
  encodeElement,
  encodeElementHeader,
  HeldBackError,
  Tags,
  type Token,
  TransferSyntax,
} from '@adit/core';

const implicitLittleEndian: ElementEncoding = { explicitVr: false, littleEndian: true };

/**
 * The tokens of a sequence in an element of VR UN and of a defined length: its items are in implicit VR little endian, as
 * whoever did not know its VR left them (PS3.5 §6.2.2). Throws where it holds none.
 */
export function hiddenSequence({ tag, value, depth, encoding }: ElementToken): Token[] {
  const reader = createElementReader({ transferSyntaxUid: TransferSyntax.ImplicitVrLittleEndian });
  // Under a tag that the dictionary has as a sequence: of a private one, the reader would not know.
  const bytes = encodeElement(Tags.ContentSequence, 'SQ', value, implicitLittleEndian);
  const tokens: Token[] = [];
  for (const token of [...reader.push(bytes), ...reader.end()]) tokens.push(atDepth(token, depth));
  const [start] = tokens;
  if (start?.kind !== 'sequence-start') throw new HeldBackError('An element of VR UN holds no sequence.');
  const header = encodeElementHeader(tag, 'UN', value.length, encoding);
  tokens[0] = { ...start, tag, vr: 'UN', encoding, bytes: header };
  return tokens;
}

/** The same token so much deeper. Its members may be getters, which spreading would lose. */
function atDepth(token: Token, depth: number): Token {
  const moved: Record<string, unknown> = {};
  for (const member of ['kind', 'encoding', 'tag', 'vr', 'length', 'index', 'bytes', 'value'] as const) {
    moved[member] = (token as unknown as Record<string, unknown>)[member];
  }
  moved.depth = token.depth + depth;
  return moved as unknown as Token;
}
