import { createReadStream, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it, type TestContext } from 'vitest';
import { attributesFrom } from '../data/attribute-access.ts';
import type { Attributes } from '../data/attributes.ts';
import { encodeBase64 } from '../data/base64.ts';
import { decodeDataset, encodeDataset } from '../data/dataset.ts';
import { elementEncodingOf, isElementStart } from '../data/element-reader.ts';
import { readPart10, writePart10 } from '../data/part10.ts';
import { SopClass } from '../data/sop-class.ts';
import { tagToHex } from '../data/tag.ts';
import {
  bytesOf,
  chunksOf,
  collect,
  encodeNodes,
  hexOf,
  nodes,
  readAll,
  watch,
} from '../data/testing/data-sets.ts';
import { hasDcmtk, run, withFolder } from '../data/testing/dcmtk.ts';
import { TransferSyntax } from '../data/transfer-syntax.ts';
import { syntheticInstance } from '../synthetic/index.ts';
import type { DicomInstance } from '../transfer/types.ts';
import { canTranscode, transcode, transcodingTargets } from './transcode.ts';

const EXPLICIT = TransferSyntax.ExplicitVrLittleEndian;
const IMPLICIT = TransferSyntax.ImplicitVrLittleEndian;
const BIG_ENDIAN = TransferSyntax.ExplicitVrBigEndian;
const DEFLATED = TransferSyntax.DeflatedExplicitVrLittleEndian;

function instanceOf(bytes: Uint8Array, transferSyntaxUid: string, chunkLength = 1000): DicomInstance {
  return {
    sopClassUid: SopClass.CtImageStorage,
    sopInstanceUid: '1.2.3',
    transferSyntaxUid,
    dataset: chunksOf(bytes, chunkLength),
  };
}

async function reencode(
  bytes: Uint8Array,
  from: string,
  to: string,
  chunkLength = 1000,
): Promise<Uint8Array> {
  const { dataset, transferSyntaxUid } = await transcode(instanceOf(bytes, from, chunkLength), to);
  expect(transferSyntaxUid).toBe(to);
  return collect(dataset);
}

describe('a data set', () => {
  it('comes back byte for byte by way of every explicit syntax, whatever is in it', async () => {
    await fc.assert(
      fc.asyncProperty(
        nodes,
        fc.integer({ min: 1, max: 40 }),
        fc.constantFrom(BIG_ENDIAN, DEFLATED),
        async (content, chunkLength, way) => {
          const bytes = encodeNodes(content, elementEncodingOf(EXPLICIT));
          const there = await reencode(bytes, EXPLICIT, way, chunkLength);
          expect(hexOf(await reencode(there, way, EXPLICIT, chunkLength))).toBe(hexOf(bytes));
        },
      ),
      { numRuns: 200 },
    );
  });

  it('in big endian is what the element writer makes', async () => {
    await fc.assert(
      fc.asyncProperty(nodes, async (content) => {
        const bytes = encodeNodes(content, elementEncodingOf(EXPLICIT));
        // What is hidden in UN keeps its bytes; the rest is turned around by the units of its VR.
        const tokens = (data: Uint8Array, transferSyntaxUid: string) =>
          readAll([data], { transferSyntaxUid })
            .filter(isElementStart)
            .map((token) => `${token.depth} ${tagToHex(token.tag)} ${token.vr}`);
        const there = await reencode(bytes, EXPLICIT, BIG_ENDIAN);
        expect(there.length).toBe(bytes.length);
        expect(tokens(there, BIG_ENDIAN)).toEqual(tokens(bytes, EXPLICIT));
      }),
      { numRuns: 100 },
    );
  });

  it('of the same syntax is the instance itself', async () => {
    const instance = instanceOf(bytesOf(''), EXPLICIT);
    expect(await transcode(instance, EXPLICIT)).toBe(instance);
  });
});

describe('VRs', () => {
  // (0009,0010) private creator, (0009,1001) "ab", (0009,1002) of undefined length with an empty item, (0010,0020) "1 "
  const implicit = bytesOf(`
    0900 1000 04000000 "TEST"
    0900 0110 02000000 "ab"
    0900 0210 ffffffff feff 00e0 ffffffff feff 0de0 00000000 feff dde0 00000000
    1000 2000 02000000 "1 "`);

  it('unknown in implicit VR become UN; a creator is LO and an undefined length can only be SQ', async () => {
    expect(hexOf(await reencode(implicit, IMPLICIT, EXPLICIT))).toBe(
      hexOf(
        bytesOf(`
          0900 1000 "LO" 0400 "TEST"
          0900 0110 "UN" 0000 02000000 "ab"
          0900 0210 "SQ" 0000 ffffffff feff 00e0 ffffffff feff 0de0 00000000 feff dde0 00000000
          1000 2000 "LO" 0200 "1 "`),
      ),
    );
  });

  it('that were lost are not made up: back in implicit VR all is as it was', async () => {
    const there = await reencode(implicit, IMPLICIT, BIG_ENDIAN);
    expect(hexOf(await reencode(there, BIG_ENDIAN, IMPLICIT))).toBe(hexOf(implicit));
  });

  it('of UN keep their bytes in big endian, where the VR would turn them around', async () => {
    // (0009,1001) UN 0102 0304, then (0028,0010) US 0x0102
    const explicit = bytesOf('0900 0110 "UN" 0000 04000000 01020304 2800 1000 "US" 0200 0201');
    expect(hexOf(await reencode(explicit, EXPLICIT, BIG_ENDIAN))).toBe(
      hexOf(bytesOf('0009 1001 "UN" 0000 00000004 01020304 0028 0010 "US" 0002 0102')),
    );
  });

  it('of UN with undefined length keep their items in implicit VR', async () => {
    // (0009,1001) UN, undefined length, an item with (0010,0020) in implicit VR
    const hidden = 'feff 00e0 0a000000 1000 2000 02000000 "1 " feff dde0 00000000';
    const explicit = bytesOf(`0900 0110 "UN" 0000 ffffffff ${hidden}`);
    expect(hexOf(await reencode(explicit, EXPLICIT, BIG_ENDIAN))).toBe(
      hexOf(bytesOf(`0009 1001 "UN" 0000 ffffffff ${hidden}`)),
    );
    expect(hexOf(await reencode(explicit, EXPLICIT, IMPLICIT))).toBe(
      hexOf(bytesOf(`0900 0110 ffffffff ${hidden}`)),
    );
  });

  it('left to choose follow Pixel Representation, that of the item first, and Bits Allocated', async () => {
    const attributes = (signed: number, vr: 'US' | 'SS', bits: number, pixels: 'OB' | 'OW'): Attributes => ({
      ...attributesFrom({
        ReferencedImageSequence: [
          {
            ...attributesFrom({ PixelRepresentation: 1 - signed }),
            '00280106': { vr: vr === 'US' ? 'SS' : 'US', Value: [1] },
          },
        ],
        BitsAllocated: bits,
        PixelRepresentation: signed,
      }),
      '00280106': { vr, Value: [2] },
      '00283006': { vr: 'OW', InlineBinary: encodeBase64(bytesOf('0102 0304')) },
      '60003000': { vr: 'OW', InlineBinary: encodeBase64(bytesOf('0102')) },
      '7FE00010': { vr: pixels, InlineBinary: encodeBase64(bytesOf('0102 0304')) },
    });
    for (const expected of [attributes(0, 'US', 8, 'OB'), attributes(1, 'SS', 16, 'OW')]) {
      for (const to of [EXPLICIT, BIG_ENDIAN]) {
        const bytes = encodeDataset(expected, { transferSyntaxUid: IMPLICIT });
        const there = await reencode(bytes, IMPLICIT, to);
        expect(decodeDataset(there, { transferSyntaxUid: to })).toEqual(expected);
      }
    }
  });

  it('too short for a value are UN', async () => {
    // (0008,0005)… a comment of 65,536 bytes, which no LT of explicit VR can say
    const long = encodeDataset(
      { '00204000': { vr: 'UN', InlineBinary: encodeBase64(new Uint8Array(0x10000).fill(0x41)) } },
      { transferSyntaxUid: IMPLICIT },
    );
    const there = await reencode(long, IMPLICIT, EXPLICIT);
    expect(hexOf(there.subarray(0, 12))).toBe(hexOf(bytesOf('2000 0040 "UN" 0000 00000100')));
    expect(there.length).toBe(12 + 0x10000);
  });
});

describe('lengths', () => {
  it('are computed anew, and delimiters kept, at every depth', async () => {
    const item = attributesFrom({ PatientID: '1', ReferencedImageSequence: [{ PatientID: '2' }, {}] });
    for (const definedLengths of [true, false]) {
      const attributes = attributesFrom({ ReferencedStudySequence: [item, item], PatientID: '3' });
      const bytes = (transferSyntaxUid: string) =>
        encodeDataset(attributes, { transferSyntaxUid, definedLengths });
      for (const to of [IMPLICIT, BIG_ENDIAN]) {
        expect(hexOf(await reencode(bytes(EXPLICIT), EXPLICIT, to))).toBe(hexOf(bytes(to)));
        expect(hexOf(await reencode(bytes(to), to, EXPLICIT))).toBe(hexOf(bytes(EXPLICIT)));
      }
    }
  });

  it('of more than is collected become delimiters, and no byte is lost', async () => {
    const items = Array.from({ length: 3000 }, (_, index) =>
      attributesFrom({ PatientID: String(index), PatientComments: 'x'.repeat(1000) }),
    );
    const attributes = attributesFrom({ ReferencedStudySequence: items, PatientID: '3' });
    const bytes = encodeDataset(attributes, { transferSyntaxUid: EXPLICIT });
    const there = await reencode(bytes, EXPLICIT, IMPLICIT, 65_536);
    expect(decodeDataset(there, { transferSyntaxUid: IMPLICIT })).toEqual(attributes);
    expect(hexOf(there.subarray(0, 8))).toBe(hexOf(bytesOf('0800 1011 ffffffff')));
  });

  it('of groups are left out, for they are no longer true', async () => {
    // (0008,0000) UL 10, (0008,0060) CS "CT"
    const bytes = bytesOf('0800 0000 "UL" 0400 0a000000 0800 6000 "CS" 0200 "CT"');
    expect(hexOf(await reencode(bytes, EXPLICIT, IMPLICIT))).toBe(hexOf(bytesOf('0800 6000 02000000 "CT"')));
  });
});

describe('long values', () => {
  it.each([IMPLICIT, BIG_ENDIAN, DEFLATED])('pass in pieces: %s', async (to) => {
    const instance = syntheticInstance({ kind: 'enhanced-CT', frames: 8, rows: 200, columns: 301 });
    const bytes = await collect(instance.dataset);
    for (const chunkLength of [777, 65_536]) {
      const there = await reencode(bytes, EXPLICIT, to, chunkLength);
      expect(Buffer.compare(await reencode(there, to, EXPLICIT, chunkLength + 1), bytes)).toBe(0);
    }
  });

  it('are not waited for: what has been read goes on its way', async () => {
    const instance = syntheticInstance({ kind: 'enhanced-CT', frames: 40, rows: 256, columns: 256 });
    const source = watch(instance.dataset);
    const { dataset } = await transcode({ ...instance, dataset: source }, BIG_ENDIAN);
    let written = 0;
    for await (const chunk of dataset) {
      written += chunk.length;
      expect(source.read - written).toBeLessThan(400_000);
    }
    expect(written).toBeGreaterThan(40 * 256 * 256 * 2);
  });

  it('end the source when they are left early', async () => {
    const instance = syntheticInstance({ kind: 'CT' });
    const source = watch(instance.dataset);
    const { dataset } = await transcode({ ...instance, dataset: source }, IMPLICIT);
    for await (const _ of dataset) break;
    expect(source.open).toBe(false);
  });
});

it.each([
  [EXPLICIT, IMPLICIT, true],
  [DEFLATED, BIG_ENDIAN, true],
  [TransferSyntax.Jpeg2000, IMPLICIT, true],
  [TransferSyntax.RleLossless, EXPLICIT, true],
  [EXPLICIT, TransferSyntax.Jpeg2000, false],
  [TransferSyntax.Mpeg4High41, EXPLICIT, false],
  [TransferSyntax.JpipReferenced, EXPLICIT, false],
  ['1.2.3.4', EXPLICIT, false],
])('from %s to %s there is a way: %s', async (from, to, expected) => {
  expect(canTranscode(from, to)).toBe(expected);
  if (!expected) {
    await expect(transcode(instanceOf(bytesOf(''), from), to)).rejects.toMatchObject({ code: 'UNSUPPORTED' });
  }
});

it.each([
  ['cut off', '1000 2000 "LO" 0400 "1 "', 'TRUNCATED'],
  ['no data set', 'feff 00e0 00000000', 'MALFORMED'],
])('what is %s fails before its end', async (_, hex, code) => {
  await expect(reencode(bytesOf(hex), EXPLICIT, IMPLICIT)).rejects.toMatchObject({ code });
});

// What dcmconv makes of real files, and what it makes of ours.

const corpus = process.env.ADIT_CORPUS;
const options: Readonly<Record<string, string>> = {
  [EXPLICIT]: '+te',
  [IMPLICIT]: '+ti',
  [BIG_ENDIAN]: '+tb',
  [DEFLATED]: '+td',
};

function needs(context: TestContext): void {
  if (corpus === undefined) context.skip('ADIT_CORPUS is not set');
  if (!hasDcmtk) context.skip('DCMTK is not installed');
}

function uncompressedFiles(): string[] {
  const skipped = ['MR_truncated.dcm', 'nested_priv_SQ.dcm', 'no_meta.dcm', 'jpeg', 'RLE'];
  return readdirSync(corpus!, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.dcm'))
    .filter((entry) => !skipped.some((name) => entry.name.includes(name)))
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((file) => !file.includes('/studies/') || /0000[19]\.dcm$|00087/.test(file));
}

it('real files come out as DCMTK converts them', { timeout: 120_000 }, async (context) => {
  needs(context);
  let compared = 0;
  for (const file of uncompressedFiles()) {
    const instance = await readPart10(createReadStream(file));
    if (!transcodingTargets.includes(instance.transferSyntaxUid)) continue;
    const bytes = await collect(instance.dataset);
    for (const to of transcodingTargets) {
      if (to === instance.transferSyntaxUid) continue;
      const ours = await transcode({ ...instance, dataset: chunksOf(bytes, 10_000) }, to);
      const written = await collect(writePart10(ours));
      const theirs = withFolder((folder) => {
        const [mine, converted] = [join(folder, 'ours.dcm'), join(folder, 'theirs.dcm')];
        writeFileSync(mine, written);
        expect(run('dcmdump', mine), file).toBeDefined();
        expect(run('dcmconv', '-e', options[to]!, file, converted), file).toBeDefined();
        return new Uint8Array(readFileSync(converted));
      });
      expect(await attributesIn(written), `${file} ${to}`).toEqual(await attributesIn(theirs));
      compared += 1;
    }
  }
  expect(compared).toBeGreaterThan(50);
});

async function attributesIn(file: Uint8Array): Promise<Attributes> {
  const { dataset, transferSyntaxUid } = await readPart10(chunksOf(file, 65_536));
  const attributes = decodeDataset(await collect(dataset), { transferSyntaxUid });
  return Object.fromEntries(Object.entries(attributes).filter(([key]) => !key.endsWith('0000')));
}
