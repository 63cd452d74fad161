import { createReadStream } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { DicomError, type DicomInstance, readPart10, TransferSyntax } from '@adit/core';
import { expect, test } from 'vitest';
import { createDimseClient } from './dimse-client.ts';
import { createDimseSink } from './dimse-sink.ts';
import { listen } from './scp/listen.ts';
import { bytesOf } from './testing/bytes.ts';
import { startStorescp } from './testing/dcmtk.ts';

/** Instances of real files of many devices and encodings; those no reader can name are left out. */
async function readCorpus(folder: string): Promise<DicomInstance[]> {
  const instances: DicomInstance[] = [];
  const names = new Set<string>();
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || !entry.name.endsWith('.dcm')) continue;
    const file = join(entry.parentPath, entry.name);
    const read = await readPart10(createReadStream(file)).catch((error: unknown) => {
      if (error instanceof DicomError && error.code === 'MALFORMED') return undefined;
      throw error;
    });
    if (!read) continue;
    await read.dataset[Symbol.asyncIterator]().return?.();
    const { sopClassUid, sopInstanceUid, transferSyntaxUid } = read;
    // The same object in several encodings goes by several names: the command's UID is not compared with the data set's.
    const name = names.has(sopInstanceUid) ? `${sopInstanceUid}.${names.size}` : sopInstanceUid;
    names.add(name);
    const open = async () => (await readPart10(createReadStream(file))).dataset;
    instances.push({
      sopClassUid,
      sopInstanceUid: name,
      transferSyntaxUid,
      dataset: {
        [Symbol.asyncIterator]: () =>
          (async function* () {
            yield* await open();
          })(),
      },
    });
  }
  return instances;
}

/** What must arrive: one of the deflated files lacks the NUL that its odd length asks for (PS3.5 §A.5). */
async function padded({ transferSyntaxUid, dataset }: DicomInstance): Promise<Buffer> {
  const bytes = await bytesOf(dataset);
  const isShort =
    transferSyntaxUid === TransferSyntax.DeflatedExplicitVrLittleEndian && bytes.length % 2 === 1;
  return isShort ? Buffer.concat([bytes, Buffer.alloc(1)]) : bytes;
}

const corpus = process.env.ADIT_CORPUS;

test('real files arrive byte for byte at storescp', async ({ skip }) => {
  if (!corpus) return skip('ADIT_CORPUS is not set');
  const instances = await readCorpus(corpus);
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
    const chunks = (async function* () {
      yield file;
    })();
    const stored = await bytesOf((await readPart10(chunks)).dataset);
    expect(stored.equals(await padded(instance))).toBe(true);
  }
});

test('real files come back byte for byte by C-GET', async ({ skip }) => {
  if (!corpus) return skip('ADIT_CORPUS is not set');
  const instances = await readCorpus(corpus);
  await using server = await listen({
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
