import { expect, test } from 'vitest';
import { parseDimsePlace } from './dimse-place.ts';
import { UsageError } from './usage-error.ts';

const web = `dicomweb=${encodeURIComponent('https://pacs.example:8443/dicom-web')}`;

test.each([
  ['dicom://A@h', ['c-get', 'c-move']],
  ['dicom://A@h?get=c-move', ['c-move']],
  ['dicom://A@h?get=c-move,c-get', ['c-move', 'c-get']],
  ['dicom://A@h?get=c-move%2Cc-get', ['c-move', 'c-get']],
  [`dicom://A@h?${web}`, ['wado-rs', 'c-get', 'c-move']],
  [`dicom://A@h?${web}&get=c-get,wado-rs`, ['c-get', 'wado-rs']],
  [`dicom://A@h?get=c-get&${web}`, ['c-get']],
])('%s is retrieved from by %j', (url, retrieve) => {
  expect(parseDimsePlace(url).retrieve).toEqual(retrieve);
});

test('a node has its DICOMweb service beside the parameters it always had', () => {
  expect(parseDimsePlace(`dicom://MY%20PACS@h:11112?calling=ME&${web}&associations=2`)).toEqual({
    kind: 'dimse',
    node: { aeTitle: 'MY PACS', host: 'h', port: 11112, callingAeTitle: 'ME', maxAssociations: 2 },
    dicomWebUrl: 'https://pacs.example:8443/dicom-web',
    retrieve: ['wado-rs', 'c-get', 'c-move'],
    text: 'dicom://MY%20PACS@h:11112',
  });
  expect(parseDimsePlace('dicom://A@h?dicomweb=http://h:80/rs').dicomWebUrl).toBe('http://h/rs');
});

test.each([
  ['dicom://A@h?get=wado-rs', /say where with dicomweb=/],
  ['dicom://A@h?get=c-get,wado-rs', /say where with dicomweb=/],
  ['dicom://A@h?get=', /name some of wado-rs, c-get, c-move/],
  ['dicom://A@h?get=c-get,', /name some of/],
  ['dicom://A@h?get=c-get,c-get', /each once/],
  ['dicom://A@h?get=C-GET', /name some of/],
  ['dicom://A@h?get=c-get&get=c-move', /"get" more than once/],
  ['dicom://A@h?dicomweb=', /is no address/],
  ['dicom://A@h?dicomweb=pacs', /is no address/],
  ['dicom://A@h?dicomweb=ftp://pacs', /is no address/],
  ['dicom://A@h?dicomweb=https://pacs?x', /without parameters/],
  [`dicom://A@h?${web}&${web}`, /"dicomweb" more than once/],
  [`dicom://A@h?${web}&color=red`, /unknown parameter "color"/],
  ['dicom://A@h:port', /is no URL of a node/],
])('%s is wrong usage', (url, message) => {
  expect(() => parseDimsePlace(url)).toThrow(UsageError);
  expect(() => parseDimsePlace(url)).toThrow(message);
});

test.each([
  'dicomweb=https://me:secret@pacs/rs',
  'dicomweb=https://me:secret@pacs/rs&color=red',
  'dicomweb=https://pacs?token=secret',
  'dicomweb=https://me:secret@pacs/rs&get=x',
])('what may be secret is not repeated: %s', (parameters) => {
  expect(() => parseDimsePlace(`dicom://A@h?${parameters}`)).toThrow(/^(?!.*secret)/s);
});
