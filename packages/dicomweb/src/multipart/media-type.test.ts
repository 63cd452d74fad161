import { describe, expect, it } from 'vitest';
import { parseMediaType } from './media-type.ts';

describe('parseMediaType', () => {
  it.each([
    ['multipart/related; type="application/dicom"; boundary=b-1', 'multipart/related', 'b-1'],
    ['Multipart/Related;boundary="b;1";type=application/dicom', 'multipart/related', 'b;1'],
    ['multipart/related; type=application/dicom; boundary = "b\\"1"', 'multipart/related', 'b"1'],
    ['multipart/related; BOUNDARY=b1 ', 'multipart/related', 'b1'],
    ['multipart/related; boundary="b1', 'multipart/related', 'b1'],
    ['multipart/related; start="<a=b>"; boundary=--==b1==', 'multipart/related', '--==b1=='],
    ['application/dicom+json', 'application/dicom+json', undefined],
    ['', '', undefined],
    [undefined, '', undefined],
  ])('reads %s', (header, type, boundary) => {
    const result = parseMediaType(header);
    expect(result.type).toBe(type);
    expect(result.parameters.get('boundary')).toBe(boundary);
  });

  it('keeps the value of an unquoted type', () => {
    const { parameters } = parseMediaType('multipart/related; type=application/dicom; boundary=b');
    expect(parameters.get('type')).toBe('application/dicom');
  });
});
