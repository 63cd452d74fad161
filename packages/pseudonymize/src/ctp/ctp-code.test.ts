import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseCtpCode } from './ctp-code.ts';

test.each([
  ['', []],
  ['text', ['text']],
  ['@keep()', [{ name: 'keep', args: [], blocks: [] }]],
  ['@ hashUID ( @UIDROOT , this )', [{ name: 'hashuid', args: ['@UIDROOT', 'this'], blocks: [] }]],
  ['a-@param(@X)-b', ['a-', { name: 'param', args: ['@X'], blocks: [] }, '-b']],
  ['me\\@example', ['me@example']],
  [
    '@contents(this,"[a-z](,)","x, y")',
    [{ name: 'contents', args: ['this', '[a-z](,)', 'x, y'], blocks: [] }],
  ],
  [
    '@if(Modality,equals,"MR"){@keep()} {@remove()}',
    [{ name: 'if', args: ['Modality', 'equals', 'MR'], blocks: ['@keep()', '@remove()'] }],
  ],
  [
    '@if([0008,0060],exists){@if(this,isblank){a}{b}}{c}',
    [{ name: 'if', args: ['[0008,0060]', 'exists'], blocks: ['@if(this,isblank){a}{b}', 'c'] }],
  ],
  ['@if(this,exists){@keep()}', [{ name: 'if', args: ['this', 'exists'], blocks: ['@keep()'] }]],
])('%s is taken apart', (code, parts) => {
  expect(parseCtpCode(code)).toEqual(parts);
});

test.each(['@keep', '@keep(', '@()', '@if(this,exists){@keep()', '@hash(this,"a)'])(
  '%s does not close',
  (code) => {
    expect(parseCtpCode(code)).toBeUndefined();
  },
);

test('whatever text is taken apart or not, without an exception', () => {
  fc.assert(
    fc.property(
      fc.array(fc.constantFrom('@', 'if', '(', ')', '{', '}', '"', '\\', ',', '[', ' ', 'x')),
      (parts) => {
        parseCtpCode(parts.join(''));
      },
    ),
  );
});
