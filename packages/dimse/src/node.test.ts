import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { isValidAeTitle, nodeName, parseDimseUrl } from './node.ts';
import { type Certificates, createCertificates, type Identity } from './testing/certificates.ts';

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

describe('PEM files for TLS', () => {
  let certificates: Certificates;
  let identity: Identity;
  beforeAll(async () => {
    certificates = await createCertificates();
    identity = await certificates.issue('node');
  });
  afterAll(() => certificates?.[Symbol.asyncDispose]());
  const parse = (files: Record<string, string>) =>
    parseDimseUrl(`dicom+tls://A@h?${new URLSearchParams(files)}`);

  test('are read', () => {
    const { certFile, keyFile, cert, key } = identity;
    expect(parse({ ca: certFile, cert: certFile, key: keyFile }).tls).toEqual({ ca: cert, cert, key });
    expect(parse({ ca: certFile }).tls).toEqual({ ca: cert });
  });

  test('that do not do are refused by name', async () => {
    const { certFile, keyFile } = identity;
    const other = await certificates.issue('other');
    expect(() => parse({ cert: certFile })).toThrow(/give both cert and key/);
    expect(() => parse({ key: keyFile })).toThrow(/give both cert and key/);
    expect(() => parse({ ca: keyFile })).toThrow(/node\.key" given as ca holds no certificate/);
    expect(() => parse({ cert: certFile, key: other.keyFile })).toThrow(
      /key in ".*other\.key" is not that of the certificate in ".*node\.pem"/,
    );
  });

  test('are no ornament: they need TLS', () => {
    expect(() => parseDimseUrl(`dicom://A@h?ca=${identity.certFile}`)).toThrow(/write dicom\+tls/);
  });
});

test('names nodes as people do', () => {
  expect(nodeName({ aeTitle: 'A', host: 'h', port: 1 })).toBe('A@h:1');
  expect(nodeName({ aeTitle: 'A', host: '::1', port: 1 })).toBe('A@[::1]:1');
});

test('AE titles may have inner spaces and underscores', () => {
  expect(['A', 'MY PACS', 'MY_PACS', ' PADDED ', 'SIXTEEN_LETTERS_'].every(isValidAeTitle)).toBe(true);
  expect(['', ' ', 'A\\B', 'SEVENTEEN_LETTERS', 'ÄRZTE', 'A\n'].some(isValidAeTitle)).toBe(false);
});
