import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { isValidAeTitle, nodeName, parseDimseUrl } from './node.ts';

test.each([
  ['dicom://PACS@10.0.0.1', { aeTitle: 'PACS', host: '10.0.0.1', port: 104 }],
  ['dicom://Pacs_1@host.example:11112', { aeTitle: 'Pacs_1', host: 'host.example', port: 11112 }],
  ['dicom://MY%20PACS@localhost:4242', { aeTitle: 'MY PACS', host: 'localhost', port: 4242 }],
  ['dicom://A%40B@[::1]:4242', { aeTitle: 'A@B', host: '::1', port: 4242 }],
  [
    'dicom://A@h:1?calling=ME&get=c-get&associations=7',
    { aeTitle: 'A', host: 'h', port: 1, callingAeTitle: 'ME', retrieve: 'c-get', maxAssociations: 7 },
  ],
  ['dicom+tls://A@h', { aeTitle: 'A', host: 'h', port: 2762, tls: {} }],
])('%s', (url, node) => {
  expect(parseDimseUrl(url)).toEqual(node);
});

test.each([
  ['PACS@host', /no URL of a node/],
  ['http://A@host', /does not begin with dicom/],
  ['dicom://host:104', /lacks an AE title/],
  ['dicom://A@', /no URL of a node|lacks/],
  ['dicom://A%5CB@h', /is no AE title/],
  ['dicom://SEVENTEEN_LETTERS@h', /is no AE title/],
  ['dicom://A@h?calling=', /is no AE title/],
  ['dicom://A@h?asociations=3', /unknown parameter "asociations"/],
  ['dicom://A@h?associations=0', /wants 0 associations/],
  ['dicom://A@h?get=wado', /use c-get or c-move/],
  ['dicom://A@h:0', /has the port 0/],
  ['dicom+tls://A@h?ca=/nowhere/ca.pem', /cannot be read/],
])('refuses %s', (url, message) => {
  expect(() => parseDimseUrl(url)).toThrow(message);
});

test('reads PEM files for TLS', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'adit-node-'));
  const file = join(folder, 'ca.pem');
  await writeFile(file, 'PEM');
  try {
    const { tls } = parseDimseUrl(`dicom+tls://A@h?ca=${encodeURIComponent(file)}`);
    expect(String(tls?.ca)).toBe('PEM');
  } finally {
    await rm(folder, { recursive: true });
  }
});

test('names nodes as people do', () => {
  expect(nodeName({ aeTitle: 'A', host: 'h', port: 1 })).toBe('A@h:1');
  expect(nodeName({ aeTitle: 'A', host: '::1', port: 1 })).toBe('A@[::1]:1');
});

test('AE titles may have inner spaces and underscores', () => {
  expect(['A', 'MY PACS', 'MY_PACS', ' PADDED ', 'SIXTEEN_LETTERS_'].every(isValidAeTitle)).toBe(true);
  expect(['', ' ', 'A\\B', 'SEVENTEEN_LETTERS', 'ÄRZTE', 'A\n'].some(isValidAeTitle)).toBe(false);
});
