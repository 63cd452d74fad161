import { writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  adit,
  createTempFolder,
  freePort,
  type Orthanc,
  type RunningProgram,
  startOrthanc,
  startProgram,
  type TempFolder,
} from './support/index.ts';

/*
 * What the command answers to bad input: an exit status, one clear sentence, and with --json a summary that says so.
 * Never a stack trace.
 */

let folder: TempFolder;
/** A stock Orthanc that holds nothing. */
let archive: Orthanc;
/** An Orthanc that insists on its AE title. */
let strict: Orthanc;
let refusing: { program: RunningProgram; port: number };
/** Accepts connections and never says a word. */
let silent: { server: Server; port: number };
let closedPort: number;

beforeAll(async () => {
  folder = await createTempFolder('bad-input');
  [archive, strict] = await Promise.all([
    startOrthanc({ aeTitle: 'ARCHIVE' }),
    startOrthanc({ aeTitle: 'STRICT', settings: { DicomCheckCalledAet: true } }),
  ]);
  const port = await freePort();
  refusing = { port, program: startProgram('storescp', ['--refuse', `${port}`]) };
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  silent = { server, port: (server.address() as { port: number }).port };
  closedPort = await freePort();
  await writeFile(join(folder.path, 'letter.txt'), 'Dear Sir or Madam, this is no DICOM file.'.repeat(20));
});

afterAll(async () => {
  silent?.server.close();
  await Promise.all([archive, strict, refusing?.program, folder].map((one) => one?.[Symbol.asyncDispose]()));
});

interface Case {
  name: string;
  args: () => string[];
  env?: () => Record<string, string>;
  /** What the sentence must name. */
  says: RegExp;
  /** Default: 1. */
  status?: 1 | 2;
}

const aStudy = '1.2.826.0.1.3680043.8.498.1';
const cases: readonly Case[] = [
  {
    name: 'a node that nobody listens at',
    args: () => ['echo', `dicom://NOBODY@127.0.0.1:${closedPort}`],
    says: /NOBODY.*127\.0\.0\.1/,
  },
  {
    name: 'a transfer from a node that nobody listens at',
    args: () => transfer(`dicom://NOBODY@127.0.0.1:${closedPort}`, archive.dicomUrl),
    says: /NOBODY.*127\.0\.0\.1/,
  },
  {
    name: 'a host name that does not exist',
    args: () => ['echo', 'dicom://PACS@no-such-host.invalid:104'],
    says: /no-such-host\.invalid/,
  },
  {
    name: 'a peer that refuses the association',
    args: () => ['echo', `dicom://REFUSES@127.0.0.1:${refusing.port}`],
    says: /REFUSES.*(reject|refuse)/i,
  },
  {
    name: 'a called AE title the peer does not know',
    args: () => ['echo', `dicom://WRONG@127.0.0.1:${strict.dicomPort}`],
    says: /WRONG.*AE title/i,
  },
  {
    name: 'a study that does not exist',
    args: () => transfer(archive.dicomUrl, join(folder.path, 'nothing')),
    says: /study|nothing|no instance/i,
  },
  {
    name: 'a study that does not exist, over DICOMweb',
    args: () => transfer(`dicomweb+${archive.dicomWebUrl}`, join(folder.path, 'nothing')),
    says: /study|nothing|no instance/i,
  },
  {
    name: 'a DICOMweb service that is none',
    args: () => transfer(`dicomweb+${archive.restUrl}/no/such/service`, join(folder.path, 'nothing')),
    says: /404/,
  },
  {
    name: 'a UID with a letter',
    args: () => ['transfer', '--from', archive.dicomUrl, '--to', folder.path, '--study', '1.2.x3'],
    says: /1\.2\.x3.*UID/,
    status: 2,
  },
  {
    name: 'a place in a scheme nobody knows',
    args: () => transfer('ftp://somewhere/else', folder.path),
    says: /ftp:/,
    status: 2,
  },
  {
    name: 'an option that does not exist',
    args: () => ['echo', '--frobnicate', archive.dicomUrl],
    says: /--frobnicate/,
    status: 2,
  },
  {
    name: 'a key file that is too short',
    args: () => [...transfer(archive.dicomUrl, folder.path), '--pseudonym', 'P', '--key-file', '/dev/null'],
    says: /key file.*16/i,
    status: 2,
  },
  {
    name: 'a file that is no DICOM file',
    args: () => ['store', archive.dicomUrl, join(folder.path, 'letter.txt')],
    says: /DICOM/,
  },
  {
    name: 'a file to pseudonymize that is no DICOM file',
    args: () => [
      ...['pseudonymize', join(folder.path, 'letter.txt'), join(folder.path, 'out')],
      ...['--pseudonym', 'P'],
    ],
    says: /DICOM/,
  },
  {
    name: 'a file that does not exist',
    args: () => ['store', archive.dicomUrl, join(folder.path, 'absent.dcm')],
    says: /absent\.dcm/,
  },
  {
    name: 'a port that is in use',
    args: () => ['scp', join(folder.path, 'scp'), '--aet', 'ADIT', '--port', `${silent.port}`],
    says: /port|in use/i,
  },
  {
    name: 'a node that is to send by C-MOVE, with nobody to receive it',
    args: () => transfer(`${archive.dicomUrl}?get=c-move`, folder.path),
    says: /--receiver AET:PORT/,
    status: 2,
  },
  {
    name: 'a data directory that cannot be one',
    args: () => ['serve'],
    env: () => ({ ADIT_DATA: join(folder.path, 'letter.txt', 'data') }),
    says: /letter\.txt/,
  },
];

test.each(cases)('$name', async ({ args, env, says, status = 1 }) => {
  const result = await adit(args(), { ...(env ? { env: env() } : {}), timeout: 60_000 });
  expect(result.stderr).toMatch(says);
  expect(result.stderr).not.toMatch(/^\s+at |Error:|\[object|undefined|node:internal/m);
  // What a run without a key file means is no reason. A wrong option has a hint at --help beside it.
  const sentences = result.stderr
    .trim()
    .split('\n')
    .filter((line) => !line.startsWith('No --key-file'));
  expect(sentences.length).toBeLessThanOrEqual(status === 2 ? 2 : 1);
  expect(result.summary).toMatchObject({ event: 'summary', ok: false, instances: 0 });
  expect(result.status).toBe(status);
});

test('waits for a silent peer no longer than its timeouts say', { timeout: 120_000 }, async () => {
  const result = await adit(['echo', `dicom://SILENT@127.0.0.1:${silent.port}`], { timeout: 110_000 });
  expect(result.stderr).toMatch(/SILENT.*127\.0\.0\.1/);
  expect(result.summary.ok).toBe(false);
  expect(result.status).toBe(1);
});

test('a saved node stands wherever a URL may', async () => {
  const options = { env: { ADIT_DATA: join(folder.path, 'names') } };
  expect((await adit(['echo', 'pacs'], options)).stderr).toMatch(/pacs is not a DIMSE node/);

  expect((await adit(['node', 'add', 'pacs', archive.dicomUrl], options)).status).toBe(0);
  const web = `dicomweb+${archive.dicomWebUrl}`;
  expect((await adit(['node', 'add', 'web', web], options)).status).toBe(0);
  expect((await adit(['node', 'list'], options)).events.slice(0, -1)).toEqual([
    { event: 'node', name: 'pacs', url: archive.dicomUrl },
    { event: 'node', name: 'web', url: web },
  ]);
  expect((await adit(['echo', 'pacs'], options)).summary.ok).toBe(true);
  for (const name of ['pacs', 'web']) {
    expect((await adit(['find', name, '-k', `StudyInstanceUID=${aStudy}`], options)).summary).toMatchObject({
      ok: true,
      matches: 0,
    });
  }

  const wrong = [
    ['add', '../pacs', archive.dicomUrl],
    ['add', 'pacs', 'folder:/somewhere'],
    ['add', 'pacs', 'web'],
    ['remove', 'nobody'],
  ];
  for (const args of wrong) {
    const { status, stderr } = await adit(['node', ...args], options);
    expect(status, stderr).toBe(2);
  }
  expect((await adit(['node', 'remove', 'pacs'], options)).status).toBe(0);
  expect((await adit(['echo', 'pacs'], options)).status).toBe(2);

  await writeFile(join(folder.path, 'names', 'saved-nodes.json'), '{"web":"web"}');
  const damaged = await adit(['find', 'web'], options);
  expect(damaged.stderr).toContain('saved-nodes.json');
  expect(damaged.status).toBe(1);
});

test('nothing of a patient is said when a transfer goes wrong', async () => {
  const study = `${aStudy}.4711`;
  const { stderr } = await adit(transfer(`dicom://NOBODY@127.0.0.1:${closedPort}`, folder.path, study));
  expect(stderr).not.toContain(study);
});

function transfer(from: string, to: string, study = aStudy): string[] {
  return ['transfer', '--from', from, '--to', to, '--study', study];
}
