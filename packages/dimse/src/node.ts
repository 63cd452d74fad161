import { DimseError } from './dimse-error.ts';
import { readTlsFiles, type TlsOptions } from './tls.ts';
import { encodeUserIdentity, type UserIdentity } from './user-identity.ts';

/** How long to wait for a node, in seconds. */
export interface DimseTimeouts {
  /** For the TCP (and TLS) connection. Default: 10. */
  connect?: number;
  /** For the answer to an association request. Default: 30. */
  associate?: number;
  /**
   * For a response, counted from the last byte that went either way; time that we take ourselves does not count.
   * Default: 120.
   */
  response?: number;
  /** For the end of a request after a C-CANCEL, which many nodes ignore; then the association is aborted. Default: 2. */
  cancel?: number;
  /** For the answer to a release, after which the connection is simply closed. Default: 10. */
  release?: number;
}

/** A DICOM application entity to talk to. */
export interface DimseNode {
  /** The node's own AE title: at most 16 characters. */
  aeTitle: string;
  host: string;
  port: number;
  /** How this side calls itself. Default: `ADIT`. */
  callingAeTitle?: string;
  /** Most associations held at once. Default: 4. */
  maxAssociations?: number;
  /**
   * How objects are retrieved: over the association that asks for them, or by having the node send them to a receiver of
   * ours. Default: `c-get`, and `c-move` where the node does not offer that and there is a receiver.
   */
  retrieve?: 'c-get' | 'c-move';
  /** Speak TLS, by the BCP 195 profile unless this says otherwise (PS3.15 §B.10). Default: no. */
  tls?: TlsOptions;
  timeouts?: DimseTimeouts;
  /** Times an association is asked for while the node is unreachable or congested. Default: 3. */
  connectAttempts?: number;
  /** Longest P-DATA-TF PDU to receive, in bytes. Default: 1 MiB. What the node takes is its own affair. */
  maximumPduLength?: number;
  /**
   * Write the first byte of the next object as soon as the answer to the last one begins. It carries the TCP
   * acknowledgement that peers with Nagle's algorithm on (DCMTK, Orthanc) wait for up to 40 ms an object. Default: true.
   */
  earlyByte?: boolean;
  /**
   * Most objects sent on one association without waiting for their answers, where the node allows it (Asynchronous
   * Operations Window, PS3.7 §D.3.3.3). Pays on links with latency. Default: 1, nothing is negotiated.
   */
  operationsWindow?: number;
  /** Who this side says it is, on every association. Nodes without user identities take no notice. Default: nobody. */
  userIdentity?: UserIdentity;
}

export const DEFAULT_CALLING_AE_TITLE = 'ADIT';
export const DEFAULT_MAXIMUM_PDU_LENGTH = 1024 * 1024;
const DEFAULT_PORT = 104;
const DEFAULT_TLS_PORT = 2762;
const HIGHEST_PORT = 65535;
const HIGHEST_WINDOW = 1024;

/**
 * `AET@host:port`, as messages name a node.
 *
 * @example
 * nodeName({ aeTitle: 'PACS', host: '::1', port: 104 }); // PACS@[::1]:104
 */
export function nodeName(node: Pick<DimseNode, 'aeTitle' | 'host' | 'port'>): string {
  const host = node.host.includes(':') ? `[${node.host}]` : node.host;
  return `${node.aeTitle}@${host}:${node.port}`;
}

/**
 * Is this a valid AE title (PS3.5 §6.2, VR AE)? At most 16 characters of the default repertoire without backslash and
 * control characters, not only spaces. Spaces around it do not count; underscores and inner spaces do.
 *
 * @example
 * isValidAeTitle('MY PACS_1'); // true
 */
export function isValidAeTitle(title: string): boolean {
  const significant = title.replace(/^ +| +$/g, '');
  return significant.length > 0 && significant.length <= 16 && /^[\x20-\x5b\x5d-\x7e]+$/.test(significant);
}

/** Throws `INVALID_NODE` where a node cannot be meant so. */
export function checkNode(node: DimseNode): void {
  const titles = [node.aeTitle, node.callingAeTitle ?? DEFAULT_CALLING_AE_TITLE];
  for (const title of titles) {
    if (!isValidAeTitle(title)) {
      throw invalid(`"${title}" is no AE title: use 1 to 16 ASCII characters without a backslash.`);
    }
  }
  if (node.host === '') throw invalid(`The node ${node.aeTitle} has no host.`);
  if (!Number.isInteger(node.port) || node.port < 1 || node.port > HIGHEST_PORT) {
    throw invalid(`The node ${node.aeTitle} has the port ${node.port}: use 1 to ${HIGHEST_PORT}.`);
  }
  const window = node.operationsWindow ?? 1;
  if (!Number.isInteger(window) || window < 1 || window > HIGHEST_WINDOW) {
    throw invalid(
      `The node ${node.aeTitle} has an operations window of ${window}: use 1 to ${HIGHEST_WINDOW}.`,
    );
  }
  if (node.userIdentity) encodeUserIdentity(node.userIdentity);
}

/**
 * Reads a node from `dicom://AET@host[:port]` or `dicom+tls://AET@host[:port]`. The AE title is percent-encoded, its case
 * kept; the ports default to 104 and 2762. Parameters: `calling`, `get=c-get|c-move`, `associations`, and with TLS `ca`, `cert`
 * and `key`, names of PEM files that are read at once.
 *
 * Throws `INVALID_NODE`.
 *
 * @example
 * parseDimseUrl('dicom://MY%20PACS@pacs.example:11112?calling=ME&associations=8');
 */
export function parseDimseUrl(url: string): DimseNode {
  let parsed: URL;
  try {
    parsed = new URL(url);
  } catch (cause) {
    throw invalid(`"${url}" is no URL of a node: write dicom://AET@host:port.`, cause);
  }
  const tls = parsed.protocol === 'dicom+tls:';
  if (!tls && parsed.protocol !== 'dicom:') {
    throw invalid(`"${url}" does not begin with dicom:// or dicom+tls://.`);
  }
  if (parsed.username === '' || parsed.hostname === '') {
    throw invalid(`"${url}" lacks an AE title or a host: write ${parsed.protocol}//AET@host:port.`);
  }
  const parameters = parsed.searchParams;
  for (const name of parameters.keys()) {
    if (!PARAMETERS.has(name)) throw invalid(`"${url}" has the unknown parameter "${name}".`);
  }
  const node: DimseNode = {
    aeTitle: decodeTitle(parsed.username, url),
    host: decodeURIComponent(parsed.hostname).replace(/^\[(.*)\]$/, '$1'),
    port: parsed.port === '' ? (tls ? DEFAULT_TLS_PORT : DEFAULT_PORT) : Number(parsed.port),
  };
  const calling = parameters.get('calling');
  if (calling !== null) node.callingAeTitle = calling;
  const associations = parameters.get('associations');
  if (associations !== null) {
    const count = Number(associations);
    if (!Number.isInteger(count) || count < 1)
      throw invalid(`"${url}" wants ${associations} associations: use 1 or more.`);
    node.maxAssociations = count;
  }
  const retrieve = parameters.get('get');
  if (retrieve !== null) {
    if (retrieve !== 'c-get' && retrieve !== 'c-move')
      throw invalid(`"${url}" wants to retrieve by "${retrieve}": use c-get or c-move.`);
    node.retrieve = retrieve;
  }
  if (tls) node.tls = tlsOptions(parameters);
  // Who names certificates does not want to speak in the clear.
  else if (['ca', 'cert', 'key'].some((name) => parameters.has(name)))
    throw invalid(`"${url}" names certificates without TLS: write dicom+tls://.`);
  checkNode(node);
  return node;
}

const PARAMETERS = new Set(['calling', 'get', 'associations', 'ca', 'cert', 'key']);

function decodeTitle(encoded: string, url: string): string {
  try {
    return decodeURIComponent(encoded);
  } catch (cause) {
    throw invalid(`The AE title in "${url}" is not percent-encoded.`, cause);
  }
}

function tlsOptions(parameters: URLSearchParams): TlsOptions {
  const [ca, cert, key] = ['ca', 'cert', 'key'].map((name) => parameters.get(name) ?? undefined);
  try {
    return readTlsFiles({ ca, cert, key });
  } catch (error) {
    throw invalid(`The node cannot be spoken to over TLS: ${(error as Error).message}.`, error);
  }
}

function invalid(message: string, cause?: unknown): DimseError {
  return new DimseError('INVALID_NODE', message, { cause });
}
