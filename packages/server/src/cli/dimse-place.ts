import type { RetrievalWay } from '@adit/client';
import { DicomError } from '@adit/core';
import { type DimseNode, parseDimseUrl } from '@adit/dimse';
import { RETRIEVAL_WAYS } from '../nodes/open-ways.ts';
import { UsageError } from './usage-error.ts';

/** A DIMSE node, and the DICOMweb service that it may have. */
export interface DimsePlace {
  kind: 'dimse';
  node: DimseNode;
  dicomWebUrl?: string;
  /** Ways to retrieve from it, in the order they are tried. */
  retrieve: readonly RetrievalWay[];
  /** As it is called in sentences. */
  text: string;
}

/**
 * Reads `dicom://AET@host[:port]` or `dicom+tls://…` with the parameters of `parseDimseUrl`, and two of its own: `dicomweb`
 * is the root of the node's DICOMweb service, `get` a list of ways to retrieve. Default: `wado-rs` where there is `dicomweb`,
 * `c-get`, `c-move`.
 *
 * Throws `UsageError`.
 */
export function parseDimsePlace(url: string): DimsePlace {
  // Not the parameters: what they hold may be secret.
  const text = url.replace(/\?.*$/, '');
  const parsed = URL.parse(url);
  const dicomWebUrl = serviceOf(text, take(parsed, text, 'dicomweb'));
  const retrieve = waysOf(text, take(parsed, text, 'get'), dicomWebUrl !== undefined);
  try {
    const node = parseDimseUrl(parsed?.href ?? url);
    return { kind: 'dimse', node, ...(dicomWebUrl !== undefined && { dicomWebUrl }), retrieve, text };
  } catch (error) {
    throw new UsageError(error instanceof DicomError ? error.message : `${text} is not a node.`, error);
  }
}

/** Takes a parameter out of a URL. */
function take(url: URL | null, text: string, name: string): string | undefined {
  const [value, ...others] = url?.searchParams.getAll(name) ?? [];
  if (others.length > 0) throw new UsageError(`${text} has the parameter "${name}" more than once.`);
  if (value !== undefined) url?.searchParams.delete(name);
  return value;
}

function serviceOf(text: string, value: string | undefined): string | undefined {
  if (value === undefined) return undefined;
  const url = URL.parse(value);
  if (!url || !/^https?:$/.test(url.protocol) || url.search || url.hash) {
    throw new UsageError(
      `The DICOMweb service of ${text} is no address: write dicomweb=https://host/path, without parameters of its own.`,
    );
  }
  if (url.username || url.password) {
    throw new UsageError(
      'Credentials do not belong into a URL: put the header into a file and name it with --header-file.',
    );
  }
  return url.href;
}

function waysOf(text: string, value: string | undefined, hasService: boolean): readonly RetrievalWay[] {
  if (value === undefined) return RETRIEVAL_WAYS.filter((way) => hasService || way !== 'wado-rs');
  const ways = value.split(',');
  if (!ways.every(isWay) || new Set(ways).size < ways.length) {
    throw new UsageError(
      `${text} is to be retrieved from by "${value}": name some of ${RETRIEVAL_WAYS.join(', ')}, each once, with commas between.`,
    );
  }
  if (ways.includes('wado-rs') && !hasService) {
    throw new UsageError(
      `${text} is to be retrieved from by WADO-RS: say where with dicomweb=https://host/path.`,
    );
  }
  return ways;
}

function isWay(text: string): text is RetrievalWay {
  return (RETRIEVAL_WAYS as readonly string[]).includes(text);
}
