import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  attributesFrom,
  type DicomInstance,
  readPart10,
  SopClass,
  TransferSyntax,
  textOf,
  writePart10,
} from '@adit/core';
import { syntheticInstance, syntheticStudy } from '@adit/core/synthetic';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createDimseClient } from './dimse-client.ts';
import { createDimseSink } from './dimse-sink.ts';
import { echo } from './echo.ts';
import { type DimseServer, type ListenOptions, listen } from './scp/listen.ts';
import { bytesOf } from './testing/bytes.ts';
import { runDcmtk, startDcmqrscp, startStorescp } from './testing/dcmtk.ts';

let folder: string;
let server: DimseServer | undefined;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'adit-interop-'));
});
afterEach(async () => {
  await server?.close();
  server = undefined;
  await rm(folder, { recursive: true });
});

async function start(handlers: ListenOptions['handlers']): Promise<string> {
  server = await listen({ aeTitle: 'ADIT', host: '127.0.0.1', port: 0, handlers });
  return String(server.port);
}

/** The data set of a file, byte for byte. */
async function datasetOf(file: Buffer): Promise<Buffer> {
  const chunks = (async function* () {
    yield file;
  })();
  return bytesOf((await readPart10(chunks)).dataset);
}

async function writeFiles(instances: readonly DicomInstance[]): Promise<string[]> {
  return Promise.all(
    instances.map(async (instance, index) => {
      const path = join(folder, `${index}.dcm`);
      await writeFile(path, await bytesOf(writePart10(instance)));
      return path;
    }),
  );
}

const syntaxes = [
  TransferSyntax.ImplicitVrLittleEndian,
  TransferSyntax.ExplicitVrLittleEndian,
  TransferSyntax.ExplicitVrBigEndian,
  TransferSyntax.DeflatedExplicitVrLittleEndian,
  TransferSyntax.RleLossless,
];
const everySyntax = syntaxes.map((transferSyntaxUid, index) =>
  syntheticInstance({ kind: 'CT', seed: `interop ${index}`, transferSyntaxUid, rows: 128 }),
);

test('echoscu reaches us, and is refused with the right words', async () => {
  const port = await start({});
  expect((await runDcmtk('echoscu', ['-aec', 'ADIT', '127.0.0.1', port])).exitCode).toBe(0);
  const { exitCode, output } = await runDcmtk('echoscu', ['-aec', 'OTHER', '127.0.0.1', port]);
  expect(exitCode).not.toBe(0);
  expect(output).toContain('Called AE Title Not Recognized');
});

describe('storescp', () => {
  test('takes objects from who says who it is and asks for a window', async () => {
    await using storescp = await startStorescp();
    const userIdentity = { kind: 'passcode', username: 'Ångström', passcode: 'p' } as const;
    const node = { ...storescp.node, userIdentity, operationsWindow: 8, maxAssociations: 1 };
    await using sink = createDimseSink(node);
    const study = syntheticStudy({ series: [{ kind: 'CT', instances: 12, rows: 32 }] });
    const outcomes = await Promise.all(study.map((instance) => sink.store(instance)));
    expect(outcomes.every(({ state }) => state === 'stored')).toBe(true);
    expect((await storescp.received()).size).toBe(12);
  });

  test('answers an echo', async () => {
    await using storescp = await startStorescp();
    await echo(storescp.node);
  });

  test.each(['4096', '16384', '131072'])('gets every byte, in PDUs of up to %s', async (length) => {
    await using storescp = await startStorescp(['+xa', '--max-pdu', length]);
    await using sink = createDimseSink(storescp.node);
    // storescp serves one association after another and takes one syntax a class in each.
    for (const instance of everySyntax) {
      expect(await sink.store(instance)).toEqual({ state: 'stored', status: 0 });
    }
    const received = [...(await storescp.received())];
    expect(received).toHaveLength(everySyntax.length);
    for (const instance of everySyntax) {
      const [, file] = received.find(([name]) => name.endsWith(instance.sopInstanceUid))!;
      const [sent, stored] = [await bytesOf(instance.dataset), await datasetOf(file)];
      expect(stored.equals(sent)).toBe(true);
    }
  });

  test('that aborts in the middle of an object fails it retryably', async () => {
    await using storescp = await startStorescp(['--abort-during']);
    await using sink = createDimseSink(storescp.node);
    const big = syntheticInstance({ kind: 'enhanced-CT', frames: 40 });
    expect(await sink.store(big)).toMatchObject({ state: 'failed', retryable: true });
  });

  test('that refuses associations says why', async () => {
    await using storescp = await startStorescp(['--refuse']);
    await expect(echo({ ...storescp.node, connectAttempts: 1 })).rejects.toMatchObject({ code: 'REJECTED' });
  });

  test('with Nagle on is not slower by an acknowledgement an object', async () => {
    await using storescp = await startStorescp(['--ignore'], { TCP_NODELAY: '0' });
    await using sink = createDimseSink(storescp.node, { maxAssociations: 1 });
    const instances = syntheticStudy({ series: [{ kind: 'CT', instances: 60, rows: 64 }] });
    const outcomes = await Promise.all(instances.map((instance) => sink.store(instance)));
    expect(outcomes.every(({ state }) => state === 'stored')).toBe(true);
  });
});

describe('storescu', () => {
  test('sends us what it sends storescp, byte for byte', async () => {
    const files = await writeFiles(everySyntax);
    const stored = new Map<string, Buffer>();
    const port = await start({
      store: async ({ sopInstanceUid, dataset }) => {
        stored.set(sopInstanceUid, await bytesOf(dataset));
        return 0;
      },
    });
    await using storescp = await startStorescp(['+xa']);
    for (const [index, option] of ['-xi', '-xe', '-xb', '-xd', '-xr'].entries()) {
      for (const to of [port, String(storescp.node.port)]) {
        const { exitCode, output } = await runDcmtk('storescu', [
          '-aec',
          'ADIT',
          '-R',
          option,
          '127.0.0.1',
          to,
          files[index]!,
        ]);
        expect(exitCode, output).toBe(0);
      }
    }
    const reference = [...(await storescp.received())];
    expect(stored.size).toBe(everySyntax.length);
    for (const [uid, dataset] of stored) {
      const [, file] = reference.find(([name]) => name.endsWith(uid))!;
      expect(dataset.equals(await datasetOf(file))).toBe(true);
    }
  });

  test.each([
    [['-usr', 'Ångström'], { kind: 'username', username: 'Ångström' }],
    [['-usr', 'u', '-pwd', 'Пароль'], { kind: 'passcode', username: 'u', passcode: 'Пароль' }],
  ])('%j says who it is, and gets our answer', async (args, expected) => {
    const [file] = await writeFiles(everySyntax.slice(1, 2));
    const seen: unknown[] = [];
    server = await listen({
      aeTitle: 'ADIT',
      host: '127.0.0.1',
      port: 0,
      handlers: { store: async () => 0 },
      authenticate: (identity) => {
        seen.push(identity);
        return true;
      },
    });
    const { exitCode, output } = await runDcmtk('storescu', [
      ...['-aec', 'ADIT', ...args, '-rsp'],
      ...['127.0.0.1', String(server.port), file!],
    ]);
    expect(exitCode, output).toBe(0);
    expect(seen).toEqual([expected]);
  });

  test('is told our status', async () => {
    const [file] = await writeFiles(everySyntax.slice(1, 2));
    const port = await start({ store: async () => 0xa700 });
    const { output } = await runDcmtk('storescu', ['-v', '-aec', 'ADIT', '127.0.0.1', port, file!]);
    expect(output).toContain('Refused: OutOfResources');
  });
});

describe('findscu', () => {
  test('asks us and gets matches in every script', async () => {
    const port = await start({
      async *find({ level, identifier }) {
        expect(level).toBe('STUDY');
        expect(textOf(identifier, 'PatientName')).toBe('*');
        yield attributesFrom({ PatientName: 'Ärzte^Anna', StudyInstanceUID: '1.2.3' });
        yield attributesFrom({ PatientName: 'Yamada^Tarou=山田^太郎', StudyInstanceUID: '1.2.4' });
      },
    });
    const { exitCode, output } = await runDcmtk('findscu', [
      ...[
        '-v',
        '-S',
        '-aec',
        'ADIT',
        '-k',
        '0008,0052=STUDY',
        '-k',
        '0010,0010=*',
        '-k',
        '0020,000d',
        '127.0.0.1',
        port,
      ],
    ]);
    expect(exitCode).toBe(0);
    expect(output).toContain('ISO_IR 192');
    expect(output).toContain('Ärzte^Anna');
    expect(output).toContain('Yamada^Tarou=山田^太郎');
  });

  test('may cancel', async () => {
    const returned = Promise.withResolvers<void>();
    const port = await start({
      async *find() {
        try {
          for (;;) yield attributesFrom({ StudyInstanceUID: '1.2.3' });
        } finally {
          returned.resolve();
        }
      },
    });
    const { output } = await runDcmtk('findscu', [
      ...[
        '-v',
        '-S',
        '-aec',
        'ADIT',
        '--cancel',
        '3',
        '-k',
        '0008,0052=STUDY',
        '-k',
        '0020,000d',
        '127.0.0.1',
        port,
      ],
    ]);
    await returned.promise;
    expect(output).toContain('Cancel');
  });
});

test('getscu gets objects from us, byte for byte', async () => {
  const instances = syntheticStudy({ series: [{ kind: 'CT', instances: 5, rows: 128 }, { kind: 'SR' }] });
  const port = await start({
    get: ({ level, accepts }) => {
      expect(level).toBe('STUDY');
      expect(accepts(SopClass.CtImageStorage, TransferSyntax.ExplicitVrLittleEndian)).toBe(true);
      return {
        count: instances.length,
        instances: (async function* () {
          yield* instances;
        })(),
      };
    },
  });
  const { exitCode, output } = await runDcmtk('getscu', [
    ...[
      '-v',
      '-S',
      '-aec',
      'ADIT',
      '+B',
      '-od',
      folder,
      '-k',
      '0008,0052=STUDY',
      '-k',
      '0020,000d=1.2.3',
      '127.0.0.1',
      port,
    ],
  ]);
  expect(exitCode, output).toBe(0);
  const names = await readdir(folder);
  expect(names).toHaveLength(6);
  for (const instance of instances) {
    const file = await readFile(join(folder, names.find((name) => name.endsWith(instance.sopInstanceUid))!));
    expect((await datasetOf(file)).equals(await bytesOf(instance.dataset))).toBe(true);
  }
});

test('dcmqrscp takes our objects, finds them and gives them back byte for byte', async () => {
  await using server = await startDcmqrscp();
  const study = syntheticStudy({
    patient: { name: 'Ärzte^Anna' },
    series: [{ kind: 'CT', instances: 4, rows: 128 }, { kind: 'MR', instances: 2, rows: 64 }, { kind: 'SR' }],
  });
  const studyInstanceUid = textOf(study[0]!.attributes, 'StudyInstanceUID')!;
  await using sink = createDimseSink(server.node);
  for (const instance of study) expect(await sink.store(instance)).toEqual({ state: 'stored', status: 0 });
  await sink.release();

  await using client = createDimseClient(server.node);
  const found: unknown[] = [];
  for await (const match of client.find({ level: 'STUDY', keys: { PatientName: 'Ärz*' } })) {
    found.push(textOf(match, 'StudyInstanceUID'));
  }
  expect(found).toEqual([studyInstanceUid]);

  const got = new Map<string, Buffer>();
  const onFailure = () => expect.unreachable();
  for await (const instance of client.retrieve({ studyInstanceUid }, { onFailure })) {
    got.set(instance.sopInstanceUid, await bytesOf(instance.dataset));
  }
  expect(got.size).toBe(study.length);
  for (const instance of study) {
    expect(got.get(instance.sopInstanceUid)?.equals(await bytesOf(instance.dataset))).toBe(true);
  }
});

test('dcmqrscp has our objects sent to us by C-MOVE, and knows no other destination', async () => {
  const received = new Map<string, { bytes: Buffer; moveOriginator: unknown }>();
  server = await listen({
    aeTitle: 'ADIT',
    host: '127.0.0.1',
    port: 0,
    handlers: {
      store: async ({ sopInstanceUid, dataset, moveOriginator }) => {
        received.set(sopInstanceUid, { bytes: await bytesOf(dataset), moveOriginator });
        return 0;
      },
    },
  });
  await using qr = await startDcmqrscp([{ aeTitle: 'ADIT', host: '127.0.0.1', port: server.port }]);
  const study = syntheticStudy({ series: [{ kind: 'CT', instances: 4, rows: 64 }, { kind: 'SR' }] });
  const studyInstanceUid = textOf(study[0]!.attributes, 'StudyInstanceUID')!;
  await using sink = createDimseSink(qr.node);
  for (const instance of study) await sink.store(instance);
  await sink.release();

  await using client = createDimseClient({ ...qr.node, callingAeTitle: 'ASKER' });
  const moving = client.move({ studyInstanceUid }, { destination: 'ADIT', messageId: 1234 });
  let next = await moving.next();
  while (!next.done) next = await moving.next();
  expect(next.value).toMatchObject({ completed: 5, failed: 0, counted: true });
  expect(received.size).toBe(5);
  for (const { sopInstanceUid, dataset } of study) {
    const { bytes, moveOriginator } = received.get(sopInstanceUid)!;
    expect(bytes.equals(await bytesOf(dataset))).toBe(true);
    expect(moveOriginator).toEqual({ aeTitle: 'ASKER', messageId: 1234 });
  }
  const unknown = client.move({ studyInstanceUid }, { destination: 'NOBODY' });
  await expect(unknown.next()).rejects.toMatchObject({ code: 'STATUS', status: 0xa801 });
});
