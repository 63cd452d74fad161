import { createReadStream } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type DicomInstance, decodeDataset, readPart10, SopClass, TransferSyntax } from '@adit/core';
import { syntheticInstance } from '@adit/core/synthetic';
import { describe, expect, test } from 'vitest';
import { createDimseSink } from './dimse-sink.ts';
import { bytesOf } from './testing/bytes.ts';
import { startStorescp } from './testing/dcmtk.ts';
import { scriptedServer } from './testing/scripted-peer.ts';

const EXPLICIT = TransferSyntax.ExplicitVrLittleEndian;
const IMPLICIT = TransferSyntax.ImplicitVrLittleEndian;
const BIG_ENDIAN = TransferSyntax.ExplicitVrBigEndian;
const DEFLATED = TransferSyntax.DeflatedExplicitVrLittleEndian;
const RLE = TransferSyntax.RleLossless;

const small = { rows: 40, columns: 60, frames: 3 };
const kinds = ['US', 'SR', 'enhanced-MR'] as const;

/** A profile of storescp that takes these transfer syntaxes only, for the classes of the kinds above. */
async function profile(...transferSyntaxUids: string[]): Promise<{ args: string[] } & AsyncDisposable> {
  const folder = await mkdtemp(join(tmpdir(), 'adit-profile-'));
  const classes = [
    SopClass.UltrasoundImageStorage,
    SopClass.BasicTextSrStorage,
    SopClass.EnhancedMrImageStorage,
  ];
  const lines = [
    '[[TransferSyntaxes]]',
    '[Some]',
    ...transferSyntaxUids.map((uid, index) => `TransferSyntax${index + 1} = ${uid}`),
    '[[PresentationContexts]]',
    '[Classes]',
    ...classes.map((uid, index) => `PresentationContext${index + 1} = ${uid}\\Some`),
    '[[Profiles]]',
    '[Limited]',
    'PresentationContexts = Classes',
  ];
  const file = join(folder, 'storescp.cfg');
  await writeFile(file, `${lines.join('\n')}\n`);
  return {
    args: ['-xf', file, 'Limited'],
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true }),
  };
}

async function attributesOf(file: Buffer) {
  const { dataset, transferSyntaxUid } = await readPart10(
    (async function* () {
      yield file;
    })(),
  );
  return {
    transferSyntaxUid,
    attributes: decodeDataset(await bytesOf(dataset), { transferSyntaxUid }),
  };
}

describe('storescp that takes only', () => {
  test.each([
    ['implicit VR', IMPLICIT],
    ['big endian', BIG_ENDIAN],
    ['deflated', DEFLATED],
  ])('%s gets every object in it', async (_, taken) => {
    await using limited = await profile(taken);
    await using storescp = await startStorescp(limited.args, { TCP_NODELAY: '1' });
    await using sink = createDimseSink(storescp.node, { maxAssociations: 2 });
    const made = kinds.flatMap((kind) =>
      [EXPLICIT, IMPLICIT, BIG_ENDIAN, DEFLATED, RLE]
        .filter((syntax) => !(kind === 'SR' && syntax === RLE))
        .map((transferSyntaxUid) => ({
          kind,
          ...small,
          transferSyntaxUid,
          seed: `${kind} ${transferSyntaxUid}`,
        })),
    );
    const sent = made.map((options) => syntheticInstance(options));
    const outcomes = await Promise.all(sent.map((instance) => sink.store(instance)));
    expect(outcomes).toEqual(
      sent.map(({ transferSyntaxUid }) => ({
        state: 'stored',
        status: 0,
        ...(transferSyntaxUid !== taken && { transcodedTo: taken }),
      })),
    );
    const received = [...(await storescp.received())];
    for (const [index, options] of made.entries()) {
      const [, file] = received.find(([name]) => name.endsWith(sent[index]!.sopInstanceUid))!;
      const stored = await attributesOf(file);
      expect(stored.transferSyntaxUid).toBe(taken);
      // The same object, made without compression to begin with.
      const plain = syntheticInstance({ ...options, transferSyntaxUid: EXPLICIT });
      const expected = decodeDataset(await bytesOf(plain.dataset), plain);
      const [pixels, others] = [stored.attributes, expected].map((all) => all['7FE00010']?.InlineBinary);
      expect(pixels === others, `pixels of ${options.seed}`).toBe(true);
      expect({ ...stored.attributes, '7FE00010': undefined }).toEqual({ ...expected, '7FE00010': undefined });
    }
  });
});

test('real compressed files arrive decompressed where nothing else is taken', async ({ skip }) => {
  const corpus = process.env.ADIT_CORPUS;
  if (!corpus) return skip('ADIT_CORPUS is not set');
  await using storescp = await startStorescp(['+xi']);
  await using sink = createDimseSink(storescp.node);
  for (const name of ['SC_rgb_jpeg_gdcm', 'MR_small_jpeg_ls_lossless', 'MR_small_RLE']) {
    const instance = await readPart10(createReadStream(join(corpus, 'encodings', `${name}.dcm`)));
    expect(await sink.store(instance), name).toEqual({ state: 'stored', status: 0, transcodedTo: IMPLICIT });
  }
});

test('an object that is broken is aborted in its middle, and none of it is stored', async () => {
  await using storescp = await startStorescp(['+xe']);
  await using sink = createDimseSink(storescp.node);
  const sound = syntheticInstance({ kind: 'US-multi-frame', frames: 12, transferSyntaxUid: RLE });
  const bytes = await bytesOf(sound.dataset);
  // Number of Frames (0028,0008) IS "12", of which the fragments hold but 12.
  const at = bytes.indexOf(Buffer.from('28000800495302003132', 'hex'));
  expect(at).toBeGreaterThan(0);
  bytes.write('13', at + 8, 'latin1');
  const dataset = (async function* () {
    for (let from = 0; from < bytes.length; from += 65_536) yield bytes.subarray(from, from + 65_536);
  })();
  const outcome = await sink.store({ ...sound, dataset });
  expect(outcome).toMatchObject({ state: 'failed', retryable: false });
  expect(outcome.message).toMatch(/but not in RLE Lossless.* there are 12 frames instead of 13\.$/);
  // The node is served again, and has nothing of the broken one.
  const next = syntheticInstance({ kind: 'CT' });
  expect((await sink.store(next)).state).toBe('stored');
  expect([...(await storescp.received()).keys()].map((name) => name.slice(3))).toEqual([next.sopInstanceUid]);
});

test('what there is no way for fails in words, and so does all that is not to be transcoded', async () => {
  await using storescp = await startStorescp(['+xe']);
  const video: DicomInstance = {
    ...syntheticInstance({ kind: 'US' }),
    transferSyntaxUid: TransferSyntax.Mpeg4High41,
  };
  const compressed = syntheticInstance({ kind: 'US', transferSyntaxUid: RLE });
  await using sink = createDimseSink(storescp.node);
  const outcome = await sink.store(video);
  expect(outcome).toMatchObject({ state: 'failed', retryable: false });
  expect(outcome.message).toMatch(/accept.* MPEG-4/);
  await using strict = createDimseSink(storescp.node, { transcode: false });
  expect((await strict.store(compressed)).message).toMatch(/accept.* RLE Lossless/);
  expect((await storescp.received()).size).toBe(0);
});

test('an object whose association breaks before much of it went is transcoded anew on another', async () => {
  await using peer = await scriptedServer(async (script, index) => {
    await script.accept((answer) => {
      answer.contexts = answer.contexts.map((context) =>
        context.transferSyntax === IMPLICIT ? context : { ...context, result: 4 },
      );
    });
    const { contextId, dataset } = await script.receiveMessage();
    expect(dataset.length).toBeGreaterThan(1000);
    if (index === 0) {
      script.socket.destroy();
      return;
    }
    script.sendMessage(contextId, { commandField: 0x8001, messageIdBeingRespondedTo: 1, status: 0 });
    await script.expect('A-RELEASE-RQ');
    script.send({ type: 'A-RELEASE-RP' });
    await script.untilClosed();
  });
  await using sink = createDimseSink(peer.node);
  const instance = syntheticInstance({ kind: 'CT', rows: 20, columns: 20, transferSyntaxUid: RLE });
  expect(await sink.store(instance)).toEqual({ state: 'stored', status: 0, transcodedTo: IMPLICIT });
  expect(peer.connections()).toBe(2);
});
