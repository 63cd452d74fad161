// The same bytes in Node and in a browser: the package bundled as an application would, run by Chromium.

import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { deflateDataset, Tags, TransferSyntax, writePart10 } from '@adit/core';
import { syntheticStudy } from '@adit/core/synthetic';
import { build } from 'tsup';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createPseudonymizer } from './pseudonymizer.ts';
import { type PresetName, presetNames } from './recipe/presets.ts';
import {
  chunksOf,
  collect,
  datasetOf,
  el,
  sq,
  testSopClassUid,
  testSopInstanceUid,
} from './testing/dataset.ts';

const chromium = '/usr/bin/chromium';
let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'adit-pseudonymize-browser-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Something of everything: mapped, dummied, found, of another character set; deflated, so that this is the same too. */
async function objects(): Promise<{ transferSyntaxUid: string; bytes: Uint8Array }[]> {
  const name = '\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B';
  const parts = [
    el(Tags.SpecificCharacterSet, 'CS', '\\ISO 2022 IR 87'),
    el(Tags.SeriesDate, 'DA', '20200705'),
    el(Tags.PatientName, 'PN', `Yamada^Tarou=${name}`),
    el(Tags.PatientID, 'LO', '1001'),
    el(Tags.StudyInstanceUID, 'UI', '1.2.3.4'),
    el(0x00281055, 'LO', `for ${name}\\WINDOW2`),
    sq(Tags.ContentSequence, [[el(Tags.TextValue, 'UT', 'text')]], { undefinedLength: true }),
    el(
      Tags.PixelData,
      'OW',
      Uint8Array.from({ length: 200_000 }, (_, i) => (i * i) & 0xff),
    ),
  ];
  const {
    ExplicitVrLittleEndian,
    ImplicitVrLittleEndian,
    ExplicitVrBigEndian,
    DeflatedExplicitVrLittleEndian,
  } = TransferSyntax;
  const plain = [ExplicitVrLittleEndian, ImplicitVrLittleEndian, ExplicitVrBigEndian].map(
    (transferSyntaxUid) => ({
      transferSyntaxUid,
      bytes: datasetOf(parts, transferSyntaxUid),
    }),
  );
  const deflated = await collect(deflateDataset(chunksOf(plain[0]!.bytes, 1000)));
  return [...plain, { transferSyntaxUid: DeflatedExplicitVrLittleEndian, bytes: deflated }];
}

const key = Uint8Array.from({ length: 32 }, (_, i) => i);

/** Files: generated ones of every kind, and the corpus. */
async function files(): Promise<Uint8Array[]> {
  const kinds = ['CT', 'MR', 'US', 'SC', 'SR', 'enhanced-CT', 'enhanced-MR'] as const;
  const generated = syntheticStudy({
    patient: { name: 'Yamada^Tarou=山田^太郎=やまだ^たろう' },
    specificCharacterSet: ['ISO_IR 192'],
    series: kinds.map((kind) => ({ kind, instances: 2, rows: 32, columns: 32, frames: 2 })),
  });
  const made: Uint8Array[] = [];
  for (const instance of generated) made.push(await collect(writePart10(instance)));
  const corpus = process.env.ADIT_CORPUS;
  if (corpus === undefined) return made;
  const paths = readdirSync(corpus, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
  return [...made, ...paths.map((path) => new Uint8Array(readFileSync(path)))];
}

/** What became of a file: the SHA-256 of what was made of it, or why nothing was. */
async function outcomeOf(bytes: Uint8Array, recipe: PresetName): Promise<string> {
  try {
    const result = await collect(
      createPseudonymizer({ key, recipe }).pseudonymizePart10(chunksOf(bytes, 1000)),
    );
    return createHash('sha256').update(result).digest('hex');
  } catch (error) {
    return String((error as Error).message);
  }
}

test('Chromium makes of objects and files what Node makes of them, for every preset', async (context) => {
  if (!existsSync(chromium)) return context.skip('Chromium is not installed');
  const inputs = await objects();
  const parts = await files();
  const expected: string[] = [];
  for (const recipe of presetNames) {
    const { transform } = createPseudonymizer({ key, recipe, pseudonym: 'Pseudonym 1' });
    for (const { transferSyntaxUid, bytes } of inputs) {
      const identity = {
        sopClassUid: testSopClassUid,
        sopInstanceUid: testSopInstanceUid,
        transferSyntaxUid,
      };
      const result = await collect(transform({ ...identity, dataset: chunksOf(bytes, 1000) }).dataset);
      expected.push(createHash('sha256').update(result).digest('hex'));
    }
    for (const bytes of parts) expected.push(await outcomeOf(bytes, recipe));
  }
  // Most of them come out of it, or there would be nothing to compare.
  const digests = expected.filter((outcome) => /^[0-9a-f]{64}$/.test(outcome));
  expect(digests.length).toBeGreaterThan(expected.length * 0.7);

  await build({
    entry: { pseudonymize: fileURLToPath(new URL('./index.ts', import.meta.url)) },
    outDir: folder,
    config: false,
    format: 'iife',
    globalName: 'pseudonymize',
    platform: 'browser',
    target: 'es2024',
    noExternal: [/.*/],
    silent: true,
    dts: false,
    esbuildOptions: (options) => {
      options.conditions = ['@adit/source'];
    },
  });
  const data = inputs.map(({ transferSyntaxUid, bytes }) => [
    transferSyntaxUid,
    Buffer.from(bytes).toString('base64'),
  ]);
  const base64 = parts.map((bytes) => Buffer.from(bytes).toString('base64'));
  const result = await runInChromium({
    '/': page,
    '/pseudonymize.js': readFileSync(join(folder, 'pseudonymize.global.js'), 'utf8'),
    '/inputs.js': `const inputs = ${JSON.stringify(data)}; const files = ${JSON.stringify(base64)};`,
  });
  expect(JSON.parse(result)).toEqual(expected);
});

const page = `<!doctype html>
<meta charset="utf-8">
<script src="pseudonymize.js"></script>
<script src="inputs.js"></script>
<script type="module">
async function* chunksOf(bytes) {
  for (let at = 0; at < bytes.length; at += 777) yield bytes.subarray(at, at + 777);
}

const bytesOf = (base64) => Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));

async function digestOf(dataset) {
  const parts = [];
  for await (const chunk of dataset) parts.push(chunk);
  const digest = await crypto.subtle.digest('SHA-256', await new Blob(parts).arrayBuffer());
  return [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}

async function hashes() {
  const hashes = [];
  const key = Uint8Array.from({ length: 32 }, (_, i) => i);
  for (const recipe of pseudonymize.presetNames) {
    const { transform } = pseudonymize.createPseudonymizer({ key, recipe, pseudonym: 'Pseudonym 1' });
    for (const [transferSyntaxUid, base64] of inputs) {
      const instance = transform({
        sopClassUid: '${testSopClassUid}',
        sopInstanceUid: '${testSopInstanceUid}',
        transferSyntaxUid,
        dataset: chunksOf(bytesOf(base64)),
      });
      hashes.push(await digestOf(instance.dataset));
    }
    for (const base64 of files) {
      const pseudonymizer = pseudonymize.createPseudonymizer({ key, recipe });
      hashes.push(
        await digestOf(pseudonymizer.pseudonymizePart10(chunksOf(bytesOf(base64)))).catch((error) => error.message),
      );
    }
  }
  return hashes;
}

const result = await hashes().catch((error) => String(error.stack));
await fetch('result', { method: 'POST', body: JSON.stringify(result) });
</script>`;

/** Serves these files, lets Chromium open the first and gives what it posts to `/result`. */
async function runInChromium(files: Record<string, string>): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const server = createServer(async (request, response) => {
    if (request.url === '/result') {
      resolve(await text(request));
      response.end();
      return;
    }
    const file = files[request.url ?? ''];
    const type = request.url === '/' ? 'text/html' : 'text/javascript';
    response
      .writeHead(file === undefined ? 404 : 200, { 'Content-Type': `${type}; charset=utf-8` })
      .end(file);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const browser = spawn(
    chromium,
    [
      '--headless',
      '--no-sandbox',
      '--disable-gpu',
      `--user-data-dir=${join(folder, 'profile')}`,
      `http://127.0.0.1:${port}/`,
    ],
    { stdio: 'ignore' },
  );
  browser.on('exit', (code) => reject(new Error(`Chromium ended with ${code}.`)));
  try {
    return await promise;
  } finally {
    browser.kill();
    await once(browser, 'exit');
    server.closeAllConnections();
    server.close();
  }
}
