import { execFileSync } from 'node:child_process';
import { createReadStream, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, type TestContext } from 'vitest';
import { concatBytes } from './bytes.ts';
import { decodeDataset, encodeDataset } from './dataset.ts';
import { isElementStart, type Token } from './element-reader.ts';
import { type Part10Instance, readPart10 } from './part10.ts';
import { tagToHex } from './tag.ts';
import { collect, describeTokens, readAll } from './testing/data-sets.ts';
import { comparable, comparableVr, dcm2json, hasDcmtk } from './testing/dcmtk.ts';
import { transferSyntaxOrDefault } from './transfer-syntax.ts';

// Real files of ADIT_CORPUS, compared with what DCMTK makes of them.

const corpus = process.env.ADIT_CORPUS;
const files = corpus === undefined ? [] : filesIn(corpus);

function filesIn(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.dcm'))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}

/** The file of the corpus that ends so. */
function fileNamed(name: string): string {
  return files.find((file) => file.endsWith(`/${name}`))!;
}

function needs(context: TestContext, ...needed: ('corpus' | 'DCMTK')[]): void {
  if (needed.includes('corpus') && corpus === undefined) context.skip('ADIT_CORPUS is not set');
  if (needed.includes('DCMTK') && !hasDcmtk) context.skip('DCMTK is not installed');
}

async function read(file: string): Promise<Part10Instance & { bytes: Uint8Array }> {
  const instance = await readPart10(createReadStream(file));
  return { ...instance, bytes: await collect(instance.dataset) };
}

/** Files that are broken on purpose, with what is wrong about them. */
const broken = ['MR_truncated.dcm', 'nested_priv_SQ.dcm', 'no_meta.dcm'];
const sound = files.filter((file) => !broken.some((name) => file.endsWith(name)));

describe('every file', () => {
  it('gives its bytes again, token by token, and the same tokens in small chunks', {
    timeout: 120_000,
  }, async (context) => {
    needs(context, 'corpus');
    for (const file of sound) {
      const { bytes, transferSyntaxUid } = await read(file);
      const options = { transferSyntaxUid };
      const tokens = readAll([bytes], options);
      if (!transferSyntaxOrDefault(transferSyntaxUid).deflated) {
        expect(Buffer.compare(concatBytes(tokens.map((token) => token.bytes)), bytes), file).toBe(0);
      }
      const chunks: Uint8Array[] = [];
      for (let at = 0; at < bytes.length; at += 997) chunks.push(bytes.subarray(at, at + 997));
      expect(describeTokens(readAll(chunks, options)), file).toEqual(describeTokens(tokens));
    }
  });

  it('has the elements that dcmdump sees, as deep, as long and of the same VR', {
    timeout: 120_000,
  }, async (context) => {
    needs(context, 'corpus', 'DCMTK');
    for (const file of sound) {
      const { bytes, transferSyntaxUid } = await read(file);
      expect(linesOf(readAll([bytes], { transferSyntaxUid })), file).toEqual(dcmdump(file));
    }
  });

  it('has the values that dcm2json sees', { timeout: 120_000 }, async (context) => {
    needs(context, 'corpus', 'DCMTK');
    let compared = 0;
    for (const file of sound) {
      const expected = dcm2json(file);
      if (expected === undefined) continue;
      compared++;
      const { bytes, transferSyntaxUid } = await read(file);
      expect(comparable(decodeDataset(bytes, { transferSyntaxUid })), file).toEqual(comparable(expected));
    }
    expect(compared).toBeGreaterThan(files.length / 2);
  });

  it('keeps its values when it is encoded anew', { timeout: 120_000 }, async (context) => {
    needs(context, 'corpus');
    for (const file of sound) {
      const { bytes, transferSyntaxUid } = await read(file);
      const attributes = decodeDataset(bytes, { transferSyntaxUid });
      // What goes beyond the character set it names is the writer's fault, and can not be written again.
      if (file.includes('FUJI Basic Text SR')) continue;
      const again = encodeDataset(attributes, { transferSyntaxUid });
      expect(decodeDataset(again, { transferSyntaxUid }), file).toEqual(attributes);
    }
  });
});

describe('a file with a trap', () => {
  it('is read as far as it goes where it is cut off', async (context) => {
    needs(context, 'corpus');
    const { bytes, transferSyntaxUid } = await read(fileNamed('MR_truncated.dcm'));
    expect(() => decodeDataset(bytes, { transferSyntaxUid })).toThrow(
      expect.objectContaining({ code: 'TRUNCATED' }),
    );
    const attributes = decodeDataset(bytes, { transferSyntaxUid, allowTruncated: true });
    expect(attributes['00100010']?.Value).toEqual([{ Alphabetic: 'CompressedSamples^MR1' }]);
  });

  it('is read without preamble and meta information', async (context) => {
    needs(context, 'corpus');
    const [bare, whole] = await Promise.all([
      read(fileNamed('no_meta.dcm')),
      read(fileNamed('CT_small.dcm')),
    ]);
    expect(bare.meta).toEqual({});
    expect(bare.transferSyntaxUid).toBe(whole.transferSyntaxUid);
    expect(Buffer.compare(bare.bytes, whole.bytes)).toBe(0);
  });

  it('is refused when it names no instance, though its nested private sequences are read', async (context) => {
    needs(context, 'corpus');
    const file = fileNamed('nested_priv_SQ.dcm');
    await expect(read(file)).rejects.toMatchObject({ code: 'MALFORMED' });
    // Preamble, magic word, group length and the 84 bytes it announces.
    const bytes = new Uint8Array(readFileSync(file)).subarray(128 + 4 + 12 + 84);
    const tokens = readAll([bytes], { transferSyntaxUid: '1.2.840.10008.1.2' });
    expect(tokens.filter((token) => token.kind === 'sequence-start').map((token) => token.depth)).toEqual([
      0, 1,
    ]);
  });

  it.for([
    ['chrGreek.dcm', { Alphabetic: 'Διονυσιος' }],
    [
      'chrH31_iso2022_IR87.dcm',
      { Alphabetic: 'Yamada^Tarou', Ideographic: '山田^太郎', Phonetic: 'やまだ^たろう' },
    ],
    ['chrX1_utf8.dcm', { Alphabetic: 'Wang^XiaoDong', Ideographic: '王^小東' }],
    ['chrX2_gb18030.dcm', { Alphabetic: 'Wang^XiaoDong', Ideographic: '王^小东' }],
  ] as const)('has its name in its character set: %s', async ([name, expected], context) => {
    needs(context, 'corpus');
    const { bytes, transferSyntaxUid } = await read(fileNamed(name));
    expect(decodeDataset(bytes, { transferSyntaxUid })['00100010']?.Value).toEqual([expected]);
  });
});

/** Elements as `depth tag vr length`. */
function linesOf(tokens: readonly Token[]): string[] {
  return tokens.filter(isElementStart).map((token) => {
    const length =
      token.kind === 'element' ? token.value.length : 'length' in token ? token.length : undefined;
    // dcmdump shows what hides in a UN.
    const vr = token.kind === 'sequence-start' ? 'SQ' : token.vr;
    return `${token.depth} ${tagToHex(token.tag)} ${comparableVr(vr)} ${length ?? 'u/l'}`;
  });
}

/** The same of what dcmdump prints: two spaces of indentation for a sequence, two for its item. */
function dcmdump(file: string): string[] {
  const text = execFileSync('dcmdump', ['-q', '+Qn', file], { encoding: 'latin1', maxBuffer: 2 ** 28 });
  const dataset = text.slice(text.indexOf('# Dicom-Data-Set'));
  const lines = [
    ...dataset.matchAll(/^( *)\(([\da-f]{4}),([\da-f]{4})\) (\S\S) .*# +(u\/l|\d+), *\d+ .*$/gm),
  ];
  return lines
    .filter(([, , group]) => group !== 'fffe')
    .map(([, indent, group, element, vr, length]) => {
      return `${indent!.length / 4} ${group!.toUpperCase()}${element!.toUpperCase()} ${comparableVr(vr!)} ${length}`;
    });
}
