import { createReadStream } from 'node:fs';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DicomError, type DicomInstance, readPart10, TransferSyntax } from '@adit/core';
import { readDicomFile } from '@adit/core/node';
import { expect, test } from 'vitest';
import { createDimseClient } from './dimse-client.ts';
import { createDimseSink } from './dimse-sink.ts';
import { type DimseServer, listen } from './scp/listen.ts';
import { bytesOf } from './testing/bytes.ts';
import { runDcmtk, startStorescp } from './testing/dcmtk.ts';

/** An instance, and the file it is in. */
interface FromFile extends DicomInstance {
  file: string;
}

/** Instances of real files of many devices and encodings, and the names of the files that are refused. */
async function readCorpus(folder: string): Promise<{ instances: FromFile[]; refused: string[] }> {
  const instances: FromFile[] = [];
  const refused: string[] = [];
  const names = new Set<string>();
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || !entry.name.endsWith('.dcm')) continue;
    const file = join(entry.parentPath, entry.name);
    const read = await readDicomFile(file, { tags: [] }).catch((error: unknown) => {
      if (!(error instanceof DicomError)) throw error;
      refused.push(`${entry.name}: ${error.code}`);
      return undefined;
    });
    if (!read) continue;
    const { sopInstanceUid } = read;
    // The same object in several encodings goes by several names: the command's UID is not compared with the data set's.
    const name = names.has(sopInstanceUid) ? `${sopInstanceUid}.${names.size}` : sopInstanceUid;
    names.add(name);
    instances.push({ ...read, file, sopInstanceUid: name });
  }
  return { instances, refused };
}

/** What must arrive: one of the deflated files lacks the NUL that its odd length asks for (PS3.5 §A.5). */
async function padded({ transferSyntaxUid, dataset }: DicomInstance): Promise<Buffer> {
  const bytes = await bytesOf(dataset);
  const isShort =
    transferSyntaxUid === TransferSyntax.DeflatedExplicitVrLittleEndian && bytes.length % 2 === 1;
  return isShort ? Buffer.concat([bytes, Buffer.alloc(1)]) : bytes;
}

const corpus = process.env.ADIT_CORPUS;

test('files without a readable meta header are refused by name, and no others', async ({ skip }) => {
  if (!corpus) return skip('ADIT_CORPUS is not set');
  const { instances, refused } = await readCorpus(corpus);
  expect(refused).toEqual(['nested_priv_SQ.dcm: MALFORMED']);
  expect(instances.length).toBeGreaterThan(20);
});

/** A server that keeps the data sets it gets, by SOP Instance UID, and knows in which syntax they came. */
async function startReceiver() {
  const received = new Map<string, Buffer>();
  const syntaxes = new Map<string, string>();
  const server = await listen({
    aeTitle: 'CORPUS',
    host: '127.0.0.1',
    port: 0,
    handlers: {
      store: async ({ sopInstanceUid, transferSyntaxUid, dataset }) => {
        received.set(sopInstanceUid, await bytesOf(dataset));
        syntaxes.set(sopInstanceUid, transferSyntaxUid);
        return 0;
      },
    },
  });
  return { server, received, syntaxes, [Symbol.asyncDispose]: () => server.close() };
}

test('real files arrive byte for byte at our own server', async ({ skip }) => {
  if (!corpus) return skip('ADIT_CORPUS is not set');
  const { instances } = await readCorpus(corpus);
  await using receiver = await startReceiver();
  await using sink = createDimseSink({ aeTitle: 'CORPUS', host: '127.0.0.1', port: receiver.server.port });
  const outcomes = await Promise.all(instances.map((instance) => sink.store(instance)));
  expect(new Set(outcomes.map(({ state }) => state))).toEqual(new Set(['stored']));
  for (const instance of instances) {
    expect(receiver.received.get(instance.sopInstanceUid)?.equals(await padded(instance))).toBe(true);
  }
});

/** Letters by which DCMTK is told of a transfer syntax beside the uncompressed ones: storescu to propose, storescp to take. */
const SYNTAX_LETTERS: Readonly<Record<string, string>> = {
  [TransferSyntax.DeflatedExplicitVrLittleEndian]: 'xd',
  [TransferSyntax.RleLossless]: 'xr',
  [TransferSyntax.JpegBaseline8Bit]: 'xy',
  [TransferSyntax.JpegLsLossless]: 'xt',
};

test('what storescu sends of real files comes as it comes to storescp', { timeout: 60_000 }, async ({
  skip,
}) => {
  if (!corpus) return skip('ADIT_CORPUS is not set');
  const { instances } = await readCorpus(corpus);
  await using receiver = await startReceiver();
  let compared = 0;
  for (const syntax of new Set(instances.map(({ transferSyntaxUid }) => transferSyntaxUid))) {
    // storescu gives up all files for one that it cannot read.
    const files = instances
      .filter(
        ({ transferSyntaxUid, file }) => transferSyntaxUid === syntax && !file.endsWith('MR_truncated.dcm'),
      )
      .slice(0, 6);
    const letters = SYNTAX_LETTERS[syntax];
    await using storescp = await startStorescp(letters ? ['-pm', `+${letters}`] : ['-pm']);
    for (const { port } of [storescp.node, receiver.server]) {
      const options = ['-nh', '-R', ...(letters ? [`-${letters}`] : []), '-aec', 'CORPUS'];
      const paths = files.map(({ file }) => file);
      await runDcmtk('storescu', [...options, '127.0.0.1', String(port), ...paths]);
    }
    for (const file of (await storescp.received()).values()) {
      const { sopInstanceUid, transferSyntaxUid, dataset } = await readPart10(oneChunk(file));
      const expected = await bytesOf(dataset);
      // Of big endian and implicit little endian in one context storescp takes the first, this server the second.
      if (receiver.syntaxes.get(sopInstanceUid) !== transferSyntaxUid) continue;
      expect(receiver.received.get(sopInstanceUid)?.equals(expected), sopInstanceUid).toBe(true);
      compared += 1;
    }
    receiver.received.clear();
  }
  expect(compared).toBeGreaterThan(7);
});

test('real files come to getscu byte for byte', async ({ skip }) => {
  if (!corpus) return skip('ADIT_CORPUS is not set');
  const { instances } = await readCorpus(corpus);
  // getscu asks for one uncompressed syntax a class unless told otherwise.
  const uncompressed = instances.filter(
    ({ transferSyntaxUid }) => transferSyntaxUid === TransferSyntax.ExplicitVrLittleEndian,
  );
  await using server = await serve(uncompressed);
  const folder = await mkdtemp(join(tmpdir(), 'adit-corpus-'));
  try {
    const { exitCode, output } = await runDcmtk('getscu', [
      ...['-S', '+B', '-od', folder, '-aec', 'CORPUS', '-k', 'QueryRetrieveLevel=STUDY'],
      ...['-k', 'StudyInstanceUID=1.2.3', '127.0.0.1', String(server.port)],
    ]);
    expect(exitCode, output).toBe(0);
    const got = new Map<string, Buffer>();
    for (const name of await readdir(folder)) {
      const { sopInstanceUid, dataset } = await readPart10(createReadStream(join(folder, name)));
      got.set(sopInstanceUid, await bytesOf(dataset));
    }
    expect(got.size).toBe(uncompressed.length);
    for (const instance of uncompressed) {
      expect(got.get(instance.sopInstanceUid)?.equals(await bytesOf(instance.dataset))).toBe(true);
    }
  } finally {
    await rm(folder, { recursive: true });
  }
});

/** A server that gives these instances to whoever asks. */
function serve(instances: readonly DicomInstance[]): Promise<DimseServer> {
  return listen({
    aeTitle: 'CORPUS',
    host: '127.0.0.1',
    port: 0,
    handlers: {
      get: () => ({
        count: instances.length,
        instances: (async function* () {
          yield* instances;
        })(),
      }),
    },
  });
}

async function* oneChunk(bytes: Uint8Array): AsyncGenerator<Uint8Array, void, undefined> {
  yield bytes;
}

test('real files arrive byte for byte at storescp', async ({ skip }) => {
  if (!corpus) return skip('ADIT_CORPUS is not set');
  const { instances } = await readCorpus(corpus);
  expect(instances.length).toBeGreaterThan(20);
  await using storescp = await startStorescp(['+xa', '-pm']);
  await using sink = createDimseSink(storescp.node);
  for (const instance of instances) {
    const outcome = await sink.store(instance);
    expect(outcome, JSON.stringify(outcome)).toMatchObject({
      state: 'stored',
    });
  }
  const received = [...(await storescp.received())];
  for (const instance of instances) {
    const [, file] = received.find(([name]) => name.endsWith(instance.sopInstanceUid))!;
    const stored = await bytesOf((await readPart10(oneChunk(file))).dataset);
    expect(stored.equals(await padded(instance))).toBe(true);
  }
});

test('real files come back byte for byte by C-GET', async ({ skip }) => {
  if (!corpus) return skip('ADIT_CORPUS is not set');
  const { instances } = await readCorpus(corpus);
  await using server = await serve(instances);
  await using client = createDimseClient({ aeTitle: 'CORPUS', host: '127.0.0.1', port: server.port });
  const sopClassUids = [...new Set(instances.map(({ sopClassUid }) => sopClassUid))];
  const got = new Map<string, Buffer>();
  for await (const instance of client.retrieve({ studyInstanceUid: '1.2.3' }, { sopClassUids })) {
    got.set(instance.sopInstanceUid, await bytesOf(instance.dataset));
  }
  for (const instance of instances) {
    const dataset = got.get(instance.sopInstanceUid);
    expect(dataset?.equals(await padded(instance))).toBe(true);
  }
});
