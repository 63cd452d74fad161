import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { safeName } from './safe-name.ts';

describe('safeName', () => {
  it.each([
    ['1001', '1001'],
    ['Kopf nativ  5.0  H42s', 'Kopf nativ  5.0  H42s'],
    ['Schädel^Übersicht', 'Schädel^Übersicht'],
    ['王小東', '王小東'],
    ['a/b\\c:d*e?f"g<h>i|j', 'a_b_c_d_e_f_g_h_i_j'],
    ['..', '_'],
    ['../../etc/passwd', '__.._etc_passwd'],
    ['.hidden', '_hidden'],
    ['name. . ', 'name'],
    ['a\0b\nc\x7f', 'a_b_c_'],
    ['a\u202egpj.exe', 'a_gpj.exe'],
    ['CON', 'CON_'],
    ['nul.dcm', 'nul_.dcm'],
    ['LPT1', 'LPT1_'],
    ['console', 'console'],
    ['', 'default'],
    ['   ', 'default'],
    // A and a combining diaeresis are the letter Ä: macOS would write it the other way.
    ['A\u0308', 'Ä'],
    ['\ud800', '\ufffd'],
    ['ä'.repeat(200), 'ä'.repeat(60)],
    [`${'a'.repeat(119)}ä`, 'a'.repeat(119)],
  ])('makes %j into %j', (text, name) => {
    expect(safeName(text)).toBe(name);
  });

  it('gives a valid name for any text, and leaves it as it is', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 300 }), (text) => {
        const name = safeName(text);
        expect(name).not.toMatch(/[<>:"/\\|?*\p{Cc}\p{Cf}]|^\.|[.\s]$|^$/u);
        expect(new TextEncoder().encode(name).length).toBeLessThanOrEqual(121);
        expect(safeName(name)).toBe(name);
      }),
      { numRuns: 1_000 },
    );
  });
});
