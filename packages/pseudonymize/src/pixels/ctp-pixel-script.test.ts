import { expect, test } from 'vitest';
import { conditionTag, isTrue } from '../recipe/recipe-condition.ts';
import { importCtpPixelScript } from './ctp-pixel-script.ts';
import type { PixelMaskRule } from './pixel-mask.ts';

/** Is the rule for an image that has these attributes? */
function isFor({ when }: PixelMaskRule, attributes: Record<number, string>): boolean {
  return when.every((condition) => isTrue(condition, attributes[conditionTag(condition)!]));
}

const [modality, manufacturer, model, rows] = [0x00080060, 0x00080070, 0x00081090, 0x00280010];

test('sections become rules, named by the comment before them', () => {
  const { masks, problems } = importCtpPixelScript(`
    Everything here is comment.
    CT dose pages
    { Modality.equals("CT") * Manufacturer.containsIgnoreCase("ge med")
        * ManufacturersModelName.startsWith("Light") }
    (0,0,512,110) ( 10, 478, 50, 34 )

    Ultrasound of Acme
    { [0008,0060].equals("US") } (0,0,800,60)`);
  expect(problems).toEqual([]);
  expect(masks.map(({ name }) => name)).toEqual(['CT dose pages', 'Ultrasound of Acme']);
  expect(masks[0]!.rectangles).toEqual([
    { x: 0, y: 0, width: 512, height: 110 },
    { x: 10, y: 478, width: 50, height: 34 },
  ]);
  const ct = { [modality]: 'CT', [manufacturer]: 'GE MEDICAL SYSTEMS', [model]: 'LightSpeed' };
  expect(isFor(masks[0]!, ct)).toBe(true);
  expect(isFor(masks[0]!, { ...ct, [model]: 'The LightSpeed' })).toBe(false);
  expect(isFor(masks[0]!, { ...ct, [modality]: 'ct' })).toBe(false);
  expect(isFor(masks[1]!, { [modality]: 'US' })).toBe(true);
});

/** What each function says of a value. */
test.each([
  ['equals("A.C")', 'A.C', true],
  ['equals("A.C")', 'ABC', false],
  ['equals("")', '', true],
  ['equalsIgnoreCase("acme")', 'ACME', true],
  ['contains("C(m")', 'aC(me', true],
  ['contains("cm")', 'ACME', false],
  ['containsIgnoreCase("cm")', 'ACME', true],
  ['startsWith("AC")', 'ACME', true],
  ['startsWith("CM")', 'ACME', false],
  ['startsWithIgnoreCase("ac")', 'ACME', true],
  ['endsWith("ME")', 'ACME', true],
  ['endsWithIgnoreCase("me")', 'ACME', true],
  ['endsWithIgnoreCase("m-e")', 'ACM-E', true],
  [String.raw`matches("A\d+")`, 'A12', true],
  [String.raw`matches("A\d+")`, 'A12B', false],
  ['isGreaterThan("5")', '6', true],
  ['isGreaterThan("5")', '5', false],
  ['isLessThan("5")', '4', true],
  ['isLessThan("5")', '5', false],
  ['isLessThan("5")', '', false],
])('Manufacturer.%s of %j is %s', (call, value, expected) => {
  const { masks, problems } = importCtpPixelScript(`{ Manufacturer.${call} } (0,0,1,1)`);
  expect(problems).toEqual([]);
  expect(masks.some((rule) => isFor(rule, { [manufacturer]: value }))).toBe(expected);
});

test.each([
  // ! binds closer than *, and that closer than +.
  [
    'Modality.equals("A") + Manufacturer.equals("B") * ManufacturerModelName.equals("C")',
    (a: boolean, b: boolean, c: boolean) => a || (b && c),
  ],
  [
    '(Modality.equals("A") + Manufacturer.equals("B")) * ManufacturerModelName.equals("C")',
    (a: boolean, b: boolean, c: boolean) => (a || b) && c,
  ],
  [
    '!Modality.equals("A") * Manufacturer.equals("B") + ManufacturerModelName.equals("C")',
    (a: boolean, b: boolean, c: boolean) => (!a && b) || c,
  ],
  [
    '!(Modality.equals("A") + Manufacturer.equals("B") * !ManufacturerModelName.equals("C"))',
    (a: boolean, b: boolean, c: boolean) => !(a || (b && !c)),
  ],
  ['true. * Modality.equals("A") + false', (a: boolean) => a],
])('%s', (signature, expected) => {
  const { masks, problems } = importCtpPixelScript(`{ ${signature} } (0,0,1,1)`);
  expect(problems).toEqual([]);
  for (const a of [true, false]) {
    for (const b of [true, false]) {
      for (const c of [true, false]) {
        const attributes = { [modality]: a ? 'A' : '', [manufacturer]: b ? 'B' : '', [model]: c ? 'C' : '' };
        expect(masks.some((rule) => isFor(rule, attributes))).toBe(expected(a, b, c));
      }
    }
  }
});

test.each([
  ['{ Modality.soundsLike("CT") } (0,0,1,1)', /soundsLike/],
  ['{ NoSuchThing.equals("CT") } (0,0,1,1)', /NoSuchThing/],
  ['{ [0029[SIEMENS],10].equals("CT") } (0,0,1,1)', /SIEMENS/],
  ['{ Modality.equals("CT" } (0,0,1,1)', /not understood/],
  ['{ Modality.equals("CT") * } (0,0,1,1)', /ends/],
  ['{ Modality.equals("CT") Rows.equals("1") } (0,0,1,1)', /may/],
  ['{ (Modality.equals("CT") } (0,0,1,1)', /parenthesis/],
  ['{ Modality.equals("CT") } (0,0,1)', /region/],
  ['{ Modality.equals("CT") } (0,0,-1,1)', /region/],
  ['{ Modality.equals("CT") } (0,0,0,1)', /numbers/],
  ['{ Modality.equals("CT") } nothing', /no region/],
  ['{ true } (0,0,1,1)', /every image/],
  ['{ Modality.matches("(") } (0,0,1,1)', /regular expression/],
  ['{ } (0,0,1,1)', /ends/],
  ['only words', /no signature/],
  ['{ Modality.equals("CT") } (0,0,1,1) { Modality', /brace/],
])('%s is reported and not taken over', (script, problem) => {
  const { masks, problems } = importCtpPixelScript(script);
  expect(problems.join()).toMatch(problem);
  if (!/brace/.test(String(problem))) expect(masks).toEqual([]);
});

test('a signature with too many alternatives is reported', () => {
  const pair = `(Rows.equals("1") + Columns.equals("2"))`;
  const { problems } = importCtpPixelScript(`{ ${Array(20).fill(pair).join(' * ')} } (0,0,1,1)`);
  expect(problems.join()).toMatch(/too many/);
});

test('numbers are compared as they are written', () => {
  const { masks } = importCtpPixelScript('{ Rows.equals("480") } (0,0,1,1)');
  expect(isFor(masks[0]!, { [rows]: '480' })).toBe(true);
});
