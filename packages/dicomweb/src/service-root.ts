import { DicomWebError } from './dicomweb-error.ts';

/** Where a DICOMweb service is (PS3.18 §8.2). */
export interface ServiceRoot {
  /** Without a slash at its end. */
  href: string;
  /** What errors call the service. Holds no credentials. */
  name: string;
}

/**
 * Reads the address of a DICOMweb service: `https://host/dicom-web`, also written `dicomweb+https://host/dicom-web`.
 *
 * Throws `INVALID_URL` for anything else, and for a user name or query parameters in the URL: credentials belong into
 * headers, where they do not end up in logs.
 */
export function parseServiceRoot(text: string): ServiceRoot {
  const url = URL.parse(text.replace(/^dicomweb\+/i, ''));
  if (url === null || !/^https?:$/.test(url.protocol)) {
    throw new DicomWebError(
      'INVALID_URL',
      'The address of a DICOMweb service must look like https://host/dicom-web: check it.',
    );
  }
  if (url.username !== '' || url.password !== '' || url.search !== '' || url.hash !== '') {
    throw new DicomWebError(
      'INVALID_URL',
      `The address of the DICOMweb service at ${url.host} must not hold credentials or parameters: put credentials into headers.`,
    );
  }
  const href = url.href.replace(/\/+$/, '');
  return { href, name: href };
}
