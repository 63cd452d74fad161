import { describe, expect, it } from 'vitest';
import { parseServiceRoot } from './service-root.ts';

describe('parseServiceRoot', () => {
  it.each([
    ['http://pacs/dicom-web/', 'http://pacs/dicom-web'],
    ['https://pacs:8443', 'https://pacs:8443'],
    ['dicomweb+https://pacs/a//', 'https://pacs/a'],
    ['DICOMWEB+HTTP://PACS/a', 'http://pacs/a'],
  ])('reads %s', (text, href) => {
    expect(parseServiceRoot(text).href).toBe(href);
  });

  it.each(['', 'pacs', 'dicom://AET@pacs:104', 'file:///etc'])('refuses %j', (text) => {
    expect(() => parseServiceRoot(text)).toThrow(expect.objectContaining({ code: 'INVALID_URL' }));
  });

  it.each(['https://me:secret@pacs/', 'https://pacs/dicom-web?token=secret', 'https://pacs/#secret'])(
    'refuses credentials in %s without repeating them',
    (text) => {
      expect(() => parseServiceRoot(text)).toThrow(
        expect.objectContaining({
          code: 'INVALID_URL',
          message: expect.not.stringMatching(/secret|me:/),
        }),
      );
    },
  );
});
