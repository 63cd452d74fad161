import type { DimseNode } from '@adit/dimse';
import { type DimsePlace, parseDimsePlace } from './dimse-place.ts';
import { savedNode } from './saved-nodes.ts';
import { UsageError } from './usage-error.ts';

/** Where something is transferred from or to, as the command line names it. */
export type Place =
  | DimsePlace
  | { kind: 'dicomweb'; url: string; text: string }
  | { kind: 'folder'; path: string; text: string }
  | { kind: 'zip'; path: string; text: string }
  | { kind: '7z'; path: string; text: string }
  | { kind: 'nifti'; path: string; text: string };

/**
 * Reads a place: `dicom://AET@host[:port]`, `dicom+tls://…` (see `parseDimsePlace`), `dicomweb+http(s)://…`, `folder:PATH`, `zip:PATH`, a
 * name that `adit node add` saved or a bare path. Where a name and a path are alike, it is the name.
 *
 * Throws `UsageError`.
 */
export function parsePlace(text: string): Place {
  const scheme = /^([a-z0-9+]+):/i.exec(text)?.[1]?.toLowerCase();
  switch (scheme) {
    case 'dicom':
    case 'dicom+tls':
      return parseDimsePlace(text);
    case 'dicomweb+http':
    case 'dicomweb+https':
      return parseDicomWeb(text);
    case 'folder':
      return folder(text.slice('folder:'.length), text);
    case 'zip':
    case '7z':
      return archive(scheme, text.slice(scheme.length + 1), text);
    case 'nifti':
      return nifti(text.slice('nifti:'.length), text);
    case 'http':
    case 'https':
      throw new UsageError(`A DICOMweb service is written dicomweb+${text.slice(0, scheme.length)}://…`);
    case undefined: {
      const url = savedNode(text);
      return url === undefined ? folder(text, text) : parsePlace(url);
    }
    default:
      if (scheme !== undefined && /^[a-z0-9+]+:\/\//i.test(text)) {
        throw new UsageError(
          `${scheme}:// is not known: use dicom://AET@host:port, dicom+tls://, dicomweb+http://, dicomweb+https:// or a folder.`,
        );
      }
      return folder(text, text);
  }
}

/** Reads a place that must be a DIMSE node. Throws `UsageError`. */
export function parseNode(text: string): DimseNode {
  const url = savedNode(text) ?? text;
  if (!/^dicom(\+tls)?:/i.test(url)) {
    throw new UsageError(
      `${text} is not a DIMSE node: write dicom://AET@host:port, or a name saved by "adit node add".`,
    );
  }
  return parseDimsePlace(url).node;
}

function parseDicomWeb(text: string): Place {
  const url = URL.parse(text.slice('dicomweb+'.length));
  if (!url) throw new UsageError(`${withoutQuery(text)} is not a URL: write dicomweb+http://host:port/path.`);
  if (url.username || url.password) {
    throw new UsageError(
      'Credentials do not belong into a URL: put the header into a file and name it with --header-file.',
    );
  }
  return { kind: 'dicomweb', url: url.href, text: `dicomweb+${url.origin}${url.pathname}` };
}

function folder(path: string, text: string): Place {
  if (path === '') throw new UsageError('A folder needs a path.');
  return { kind: 'folder', path, text };
}

function nifti(path: string, text: string): Place {
  if (path === '') throw new UsageError('A folder for NIfTI files needs a path.');
  return { kind: 'nifti', path, text };
}

function archive(kind: 'zip' | '7z', path: string, text: string): Place {
  if (path === '') throw new UsageError('An archive needs a path.');
  return { kind, path, text };
}

function withoutQuery(text: string): string {
  return text.replace(/\?.*$/, '');
}
