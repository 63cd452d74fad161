// The same bytes in Node and in a browser: the package bundled as an application would, run by Chromium.

import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { deflateDataset, Tags, TransferSyntax } from '@adit/core';
import { build } from 'tsup';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createPseudonymizer } from './pseudonymizer.ts';
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

test('Chromium makes of an object what Node makes of it', async (context) => {
  if (!existsSync(chromium)) return context.skip('Chromium is not installed');
  const inputs = await objects();
  const expected: string[] = [];
  for (const pseudonym of ['Pseudonym 1', undefined]) {
    const { transform } = createPseudonymizer({ key, ...(pseudonym === undefined ? {} : { pseudonym }) });
    for (const { transferSyntaxUid, bytes } of inputs) {
      const identity = {
        sopClassUid: testSopClassUid,
        sopInstanceUid: testSopInstanceUid,
        transferSyntaxUid,
      };
      const result = await collect(transform({ ...identity, dataset: chunksOf(bytes, 1000) }).dataset);
      expected.push(createHash('sha256').update(result).digest('hex'));
    }
  }

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
  const result = await runInChromium({
    '/': page,
    '/pseudonymize.js': readFileSync(join(folder, 'pseudonymize.global.js'), 'utf8'),
    '/inputs.js': `const inputs = ${JSON.stringify(data)};`,
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

async function hashes() {
  const hashes = [];
  for (const pseudonym of ['Pseudonym 1', undefined]) {
    const key = Uint8Array.from({ length: 32 }, (_, i) => i);
    const { transform } = pseudonymize.createPseudonymizer({ key, pseudonym });
    for (const [transferSyntaxUid, base64] of inputs) {
      const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
      const instance = transform({
        sopClassUid: '${testSopClassUid}',
        sopInstanceUid: '${testSopInstanceUid}',
        transferSyntaxUid,
        dataset: chunksOf(bytes),
      });
      const parts = [];
      for await (const chunk of instance.dataset) parts.push(chunk);
      const digest = await crypto.subtle.digest('SHA-256', await new Blob(parts).arrayBuffer());
      hashes.push([...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, '0')).join(''));
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
