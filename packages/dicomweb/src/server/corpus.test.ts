import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { textOf } from '@adit/core';
import { type DicomFile, readDicomFile, walkFiles } from '@adit/core/node';
import { expect, it } from 'vitest';
import { createDicomWebClient } from '../create-dicomweb-client.ts';
import { createNodeListener } from '../node/create-node-listener.ts';
import { createDicomWebSink } from '../stow/create-dicomweb-sink.ts';
import { collect, toArray } from '../testing/bytes.ts';
import { createMemoryArchive } from '../testing/memory-archive.ts';
import { createDicomWebHandler } from './create-dicomweb-handler.ts';

it('files nobody here made arrive byte for byte, and can be searched and described', async ({ skip }) => {
  const corpus = process.env.ADIT_CORPUS;
  if (corpus === undefined) return skip('ADIT_CORPUS is not set');
  const files = new Map<string, DicomFile>();
  for await (const path of walkFiles(corpus)) {
    const file = await readDicomFile(path).catch(() => undefined);
    const isWhole = file && textOf(file.attributes, 'SOPInstanceUID') === file.sopInstanceUid;
    if (isWhole && textOf(file.attributes, 'SeriesInstanceUID')) files.set(file.sopInstanceUid, file);
  }
  expect(files.size).toBeGreaterThan(20);

  const archive = createMemoryArchive();
  const handler = createDicomWebHandler({ queryable: archive, source: archive, sink: archive });
  const server = createServer(createNodeListener(handler));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  await using sink = createDicomWebSink({ url });
  await using client = createDicomWebClient({ url });

  const refused: string[] = [];
  for (const file of files.values()) {
    const { state } = await sink.store(file);
    if (state !== 'stored') refused.push(file.sopInstanceUid);
  }
  // Files that end too early.
  expect(refused.length).toBeLessThan(files.size / 10);
  const studies = new Set(
    [...archive.kept.values()].map(({ attributes }) => textOf(attributes, 'StudyInstanceUID')!),
  );
  expect(await toArray(client.find({ level: 'STUDY', keys: {} }))).toHaveLength(studies.size);
  let received = 0;
  for (const studyInstanceUid of studies) {
    const described = new Set<string>();
    for await (const attributes of client.metadata({ studyInstanceUid })) {
      described.add(textOf(attributes, 'SOPInstanceUID')!);
    }
    for await (const instance of client.retrieve({ studyInstanceUid })) {
      const sent = files.get(instance.sopInstanceUid)!;
      expect(instance.transferSyntaxUid).toBe(sent.transferSyntaxUid);
      const bytes = await collect(instance.dataset);
      expect(Buffer.compare(bytes, archive.kept.get(sent.sopInstanceUid)!.bytes)).toBe(0);
      expect(bytes.length).toBe(sent.byteLength);
      expect(described).toContain(instance.sopInstanceUid);
      received += 1;
    }
  }
  expect(received).toBe(files.size - refused.length);
  server.closeAllConnections();
  server.close();
});
