import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { crc32, deflateRawSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { textOf } from '../data/attribute-access.ts';
import { writePart10 } from '../data/part10.ts';
import { syntheticStudy } from '../synthetic/index.ts';
import { transfer } from '../transfer/transfer.ts';
import type { DicomInstance, RetrieveFailure, Selection } from '../transfer/types.ts';
import { createFolderSink } from './create-folder-sink.ts';
import { createZipSink } from './create-zip-sink.ts';
import { createZipSource, type ZipSourceOptions } from './create-zip-source.ts';
import type { SkippedFile } from './file-index.ts';

const run = promisify(execFile);

const study = syntheticStudy({
  seed: 'archive',
  patient: { id: 'P1', name: 'Müller^Jörg' },
  // Larger than what an archive is read in at once.
  series: [{ kind: 'CT', instances: 3, rows: 512 }, { kind: 'SR' }],
});
const studyInstanceUid = textOf(study[0]!.attributes, 'StudyInstanceUID')!;
const seriesOf = (index: number) => textOf(study[index]!.attributes, 'SeriesInstanceUID')!;

/** Their data sets, by SOP Instance UID. */
const datasets = new Map<string, Buffer>();

let folder: string;
/** What archives are made of: the study, and files that hold no instance. */
let files: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'adit-zip-source-'));
  files = join(folder, 'files');
  await mkdir(join(files, 'deep'), { recursive: true });
  for (const [i, instance] of study.entries()) {
    datasets.set(instance.sopInstanceUid, await bytesOf(instance.dataset));
    await writeFile(join(files, i % 2 ? 'deep' : '', `file ${i}`), writePart10(instance));
  }
  await writeFile(join(files, 'deep', 'Befund Müller.txt'), 'This is not DICOM. '.repeat(10_000));
  await writeFile(join(files, 'empty'), '');
});

afterAll(() => rm(folder, { recursive: true }));

let path: string;
let number = 0;
afterEach(() => rm(path, { force: true }));
const fresh = () => {
  number += 1;
  path = join(folder, `${number}.zip`);
  return path;
};

async function bytesOf(dataset: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of dataset) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** Takes everything out of an archive, comparing it with what was put in. */
async function retrieve(selection: Partial<Selection> = {}, options: ZipSourceOptions = {}) {
  const skipped: SkippedFile[] = [];
  const failures: RetrieveFailure[] = [];
  const received: string[] = [];
  await using source = createZipSource(path, { ...options, onSkipped: (file) => skipped.push(file) });
  const instances = source.retrieve(
    { studyInstanceUid, ...selection },
    { onFailure: (failure) => failures.push(failure) },
  );
  for await (const instance of instances) {
    const original = study.find(({ sopInstanceUid }) => sopInstanceUid === instance.sopInstanceUid)!;
    const { sopClassUid, transferSyntaxUid } = original;
    const bytes = datasets.get(instance.sopInstanceUid)!;
    expect(instance).toMatchObject({ sopClassUid, transferSyntaxUid, byteLength: bytes.length });
    expect((await bytesOf(instance.dataset)).equals(bytes)).toBe(true);
    received.push(instance.sopInstanceUid);
  }
  return { received: received.sort(), failures, skipped };
}

const everything = study.map(({ sopInstanceUid }) => sopInstanceUid).sort();

/** Writes ZIP files as their specification (APPNOTE.TXT) has them, so that they can be wrong as well. */
function zipOf(entries: { data: Buffer; says?: number; at?: number; name?: string }[]): Buffer {
  const parts: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const { data, says, at, name = 'a' } of entries) {
    const deflated = deflateRawSync(data);
    const fields = Buffer.alloc(26);
    fields.writeUInt16LE(20, 0); // version needed
    fields.writeUInt16LE(8, 4); // deflated
    fields.writeUInt32LE(crc32(data), 10);
    fields.writeUInt32LE(deflated.length, 14);
    fields.writeUInt32LE(says ?? data.length, 18);
    fields.writeUInt16LE(name.length, 22);
    const bytes = Buffer.concat([Buffer.from('PK\x03\x04'), fields, Buffer.from(name), deflated]);
    const end = Buffer.alloc(14);
    end.writeUInt32LE(at ?? offset, 10);
    directory.push(Buffer.from('PK\x01\x02\x14\x00'), fields, end, Buffer.from(name));
    if (at === undefined) {
      parts.push(bytes);
      offset += bytes.length;
    }
  }
  const listed = Buffer.concat(directory);
  const end = Buffer.alloc(18);
  end.writeUInt16LE(entries.length, 4);
  end.writeUInt16LE(entries.length, 6);
  end.writeUInt32LE(listed.length, 8);
  end.writeUInt32LE(offset, 12);
  return Buffer.concat([...parts, listed, Buffer.from('PK\x05\x06'), end]);
}

describe('createZipSource', () => {
  it.each([
    ['our sink, plain', undefined],
    ['our sink, with AES-256', 'Grüße 17'],
  ])('reads what %s has written, byte for byte', async (_, password) => {
    const options = password === undefined ? {} : { password };
    const zip = await createZipSink(fresh(), options);
    for (const instance of study) await zip.store(instance);
    await zip.finish();
    expect(await retrieve({}, options)).toEqual({ received: everything, failures: [], skipped: [] });
  });

  it.each<[string, (target: string) => [string, string[]], string?]>([
    ['7-Zip, deflated', (target) => ['7z', ['a', '-bd', '-mx=5', target, '.']]],
    ['7-Zip, AES-256', (target) => ['7z', ['a', '-bd', '-mem=AES256', '-psesame', target, '.']], 'sesame'],
    ['7-Zip, Deflate64', (target) => ['7z', ['a', '-bd', '-mm=Deflate64', target, '.']]],
    ['Info-ZIP', (target) => ['zip', ['-qr', target, '.']]],
    [
      'Info-ZIP, with its old encryption',
      (target) => ['zip', ['-qr', '-P', 'sesame', target, '.']],
      'sesame',
    ],
    ['Info-ZIP as a stream, without lengths in front', (target) => ['sh', ['-c', `zip -qr - . > ${target}`]]],
    ['Python', (target) => ['python3', ['-m', 'zipfile', '-c', target, '.']]],
  ])('reads what %s has written, and tells what holds no instance', async (_, command, password) => {
    const [program, args] = command(fresh());
    await run(program, args, { cwd: files });
    const { received, failures, skipped } = await retrieve({}, password === undefined ? {} : { password });
    expect(received).toEqual(everything);
    expect(failures).toEqual([]);
    const found = skipped.map(({ path: name, code }) => [name.replace(/^.*\//, ''), code]);
    expect(found.sort()).toEqual([
      ['Befund Müller.txt', 'NOT_DICOM'],
      ['empty', 'NOT_DICOM'],
    ]);
  });

  it('is searched, and gives the series and instances that are asked for', async () => {
    await run('zip', ['-qr', fresh(), '.'], { cwd: files });
    await using source = createZipSource(path);
    const found: (string | undefined)[] = [];
    const keys = { PatientName: 'müller*', BodyPartExamined: '' };
    for await (const match of source.find({ level: 'SERIES', keys })) found.push(textOf(match, 'Modality'));
    expect(found.sort()).toEqual(['CT', 'SR']);
    expect((await retrieve({ seriesInstanceUids: [seriesOf(3)] })).received).toEqual([
      study[3]!.sopInstanceUid,
    ]);
    const { received, failures } = await retrieve({ sopInstanceUids: [study[1]!.sopInstanceUid, '1.2.3'] });
    expect(received).toEqual([study[1]!.sopInstanceUid]);
    expect(failures).toMatchObject([{ sopInstanceUid: '1.2.3', retryable: false }]);
    await expect(retrieve({ studyInstanceUid: '1.2.3' })).rejects.toMatchObject({ code: 'STUDY_NOT_FOUND' });
  });

  it('goes on with the next instance when a reader leaves one', async () => {
    await run('zip', ['-qr', fresh(), '.'], { cwd: files });
    await using source = createZipSource(path);
    const instances: DicomInstance[] = [];
    for await (const instance of source.retrieve({ studyInstanceUid })) {
      instances.push(instance);
      if (instances.length === 1) for await (const _ of instance.dataset) break;
      if (instances.length === 2) await bytesOf(instance.dataset);
    }
    expect(instances).toHaveLength(4);
  });

  it('says that a password is needed, or the wrong one', async () => {
    await run('7z', ['a', '-bd', '-mem=AES256', '-psesame', fresh(), '.'], { cwd: files });
    await expect(retrieve()).rejects.toMatchObject({ code: 'PASSWORD_NEEDED' });
    await expect(retrieve({}, { password: 'wrong' })).rejects.toMatchObject({ code: 'WRONG_PASSWORD' });
  });

  it('says what is wrong with what is no archive, or only half of one', async () => {
    await run('zip', ['-qr', fresh(), '.'], { cwd: files });
    const { length } = await readFile(path);
    await truncate(path, Math.floor(length / 2));
    await expect(retrieve()).rejects.toMatchObject({ code: 'NOT_ZIP' });
    await writeFile(path, 'no archive at all');
    await expect(retrieve()).rejects.toMatchObject({ code: 'NOT_ZIP' });
    await rm(path);
    await expect(retrieve()).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });

  it.each([
    ['stored', '-0qr', undefined],
    ['encrypted', undefined, 'sesame'],
  ])(
    'fails an instance whose bytes were changed in an archive (%s), and stores the others',
    async (_, flag, password) => {
      if (flag) await run('zip', [flag, fresh(), '.'], { cwd: files });
      else
        await run('7z', ['a', '-bd', '-mx=0', '-mem=AES256', `-p${password}`, fresh(), '.'], { cwd: files });
      const bytes = await readFile(path);
      // In the pixel data of one of the three images: each is half a megabyte, and nothing else comes near.
      bytes[Math.floor(bytes.length / 2)]! ^= 1;
      await writeFile(path, bytes);
      const target = join(folder, `unpacked ${flag}`);
      await using source = createZipSource(path, password === undefined ? {} : { password });
      const result = await transfer({
        source,
        sink: createFolderSink(target),
        selection: { studyInstanceUid },
      });
      expect(result).toMatchObject({ ok: false, counts: { expected: 4, stored: 3, failed: 1 } });
      expect(result.reasons[0]!.message).toContain('damaged');
    },
  );

  it('takes no more than a file is said to hold', async () => {
    const image = await bytesOf(writePart10(study[0]!));
    const bomb = Buffer.concat([image, Buffer.alloc(50_000_000)]);
    await writeFile(fresh(), zipOf([{ data: bomb, says: image.length }]));
    let read = 0;
    await using source = createZipSource(path);
    const reading = (async () => {
      for await (const { dataset } of source.retrieve({ studyInstanceUid })) {
        for await (const chunk of dataset) read += chunk.length;
      }
    })();
    await expect(reading).rejects.toMatchObject({ code: 'DAMAGED' });
    expect(read).toBeLessThan(image.length);
  });

  it('takes nothing of an archive that lists the same bytes twice', async () => {
    const image = await bytesOf(writePart10(study[0]!));
    await writeFile(fresh(), zipOf([{ data: image }, { data: image, at: 0, name: 'b' }]));
    await expect(retrieve()).rejects.toMatchObject({ code: 'DAMAGED' });
    await writeFile(fresh(), zipOf([{ data: image }, { data: image, at: 100, name: 'b' }]));
    await expect(retrieve()).rejects.toMatchObject({ code: 'DAMAGED' });
  });

  it('takes no more files than it can keep in mind', async () => {
    const listed = zipOf([{ data: Buffer.from('x') }]);
    // One file, listed so often that its directory has more entries than may be; what it lies in is not looked at before.
    const entry = listed.subarray(listed.indexOf('PK\x01\x02'), listed.lastIndexOf('PK\x05\x06'));
    const end = Buffer.from(listed.subarray(listed.lastIndexOf('PK\x05\x06')));
    const zip64 = Buffer.alloc(56 + 20);
    zip64.write('PK\x06\x06', 'latin1');
    zip64.writeBigUInt64LE(44n, 4);
    const start = listed.indexOf('PK\x01\x02');
    const count = 100_001;
    zip64.writeBigUInt64LE(BigInt(count), 24);
    zip64.writeBigUInt64LE(BigInt(count), 32);
    zip64.writeBigUInt64LE(BigInt(entry.length * count), 40);
    zip64.writeBigUInt64LE(BigInt(start), 48);
    zip64.write('PK\x06\x07', 56, 'latin1');
    zip64.writeBigUInt64LE(BigInt(start + entry.length * count), 64);
    zip64.writeUInt32LE(1, 72);
    end.fill(0xff, 8, 20);
    const directory = Buffer.concat(Array(count).fill(entry));
    await writeFile(fresh(), Buffer.concat([listed.subarray(0, start), directory, zip64, end]));
    await expect(retrieve()).rejects.toMatchObject({ code: 'TOO_LARGE' });
  });

  it('never follows what files are called', async () => {
    const image = await bytesOf(writePart10(study[0]!));
    await writeFile(fresh(), zipOf([{ data: image, name: '../../etc/passwd' }]));
    const target = join(folder, 'named');
    await using source = createZipSource(path);
    const result = await transfer({
      source,
      sink: createFolderSink(target),
      selection: { studyInstanceUid },
    });
    expect(result).toMatchObject({ ok: true, counts: { stored: 1 } });
  });

  it('is not read to the end by a file that is no instance and inflates to very much', async () => {
    const image = await bytesOf(writePart10(study[0]!));
    const zeros = Buffer.alloc(40_000_000);
    await writeFile(fresh(), zipOf([{ data: zeros }, { data: image, name: 'b' }]));
    const before = process.memoryUsage().arrayBuffers;
    const { received, skipped } = await retrieve();
    expect(received).toEqual([study[0]!.sopInstanceUid]);
    expect(skipped).toEqual([{ path: 'a', code: 'NOT_DICOM' }]);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(zeros.length / 4);
  });
});
