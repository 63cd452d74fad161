import { readFileSync } from 'node:fs';
import type { ConnectionOptions, TlsOptions as ServerTlsOptions, TLSSocket } from 'node:tls';
import { nodeCrypto, nodeTls } from './lazy-builtins.ts';

/** TLS as `node:tls` takes it; certificates and keys are PEM. What is left out follows BCP 195. */
export type TlsOptions = Pick<
  ConnectionOptions,
  | 'ca'
  | 'cert'
  | 'key'
  | 'passphrase'
  | 'crl'
  | 'servername'
  | 'rejectUnauthorized'
  | 'minVersion'
  | 'ciphers'
>;

/**
 * Cipher suites of the non-downgrading BCP 195 profile (PS3.15 §B.10, RFC 9325 §4.2), the preferred ones first: forward
 * secrecy and authenticated encryption only, keys of 2048 bits at least.
 */
export const BCP195_CIPHER_SUITES: readonly string[] = [
  'TLS_AES_256_GCM_SHA384',
  'TLS_AES_128_GCM_SHA256',
  'TLS_CHACHA20_POLY1305_SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256',
  'DHE-RSA-AES256-GCM-SHA384',
  'DHE-RSA-AES128-GCM-SHA256',
];

const BCP195 = {
  minVersion: 'TLSv1.2',
  ciphers: `${BCP195_CIPHER_SUITES.join(':')}:@SECLEVEL=2`,
} as const;

/** Options of a TLS connection to a host. */
export function clientTlsOptions(host: string, port: number, tls: TlsOptions): ConnectionOptions {
  return { host, port, servername: isIpAddress(host) ? '' : host, ...BCP195, ...tls };
}

/** What TCP sockets cannot be named by in TLS' server name indication. */
function isIpAddress(host: string): boolean {
  return /^[\d.]+$/.test(host) || host.includes(':');
}

/** Options of a TLS server. Peers must present a certificate where `ca` says whose are trusted. */
export function serverTlsOptions(tls: ServerTlsOptions): ServerTlsOptions {
  const needsCertificate = tls.ca !== undefined;
  return {
    ...BCP195,
    dhparam: 'auto',
    honorCipherOrder: true,
    requestCert: needsCertificate,
    rejectUnauthorized: needsCertificate,
    ...tls,
  };
}

/**
 * Reads PEM files into options.
 *
 * Throws an `Error` that says which file cannot be read or used, and why.
 *
 * @example
 * const overTls: DimseNode = { ...node, tls: readTlsFiles({ ca: `${folder}/ca.pem` }) };
 */
export function readTlsFiles(files: {
  ca?: string | undefined;
  cert?: string | undefined;
  key?: string | undefined;
}): Pick<TlsOptions, 'ca' | 'cert' | 'key'> {
  const tls: { ca?: Buffer; cert?: Buffer; key?: Buffer } = {};
  for (const name of ['ca', 'cert', 'key'] as const) {
    const file = files[name];
    if (file === undefined) continue;
    try {
      tls[name] = readFileSync(file);
    } catch (cause) {
      throw new Error(`the file "${file}" given as ${name} cannot be read`, { cause });
    }
    try {
      // An authority that cannot be read would be ignored, and nobody trusted.
      if (name !== 'key') new (nodeCrypto().X509Certificate)(tls[name]!);
    } catch (cause) {
      throw new Error(`the file "${file}" given as ${name} holds no certificate in PEM`, { cause });
    }
  }
  if ((tls.cert === undefined) !== (tls.key === undefined)) {
    throw new Error('a certificate and its key belong together: give both cert and key');
  }
  try {
    nodeTls().createSecureContext(tls);
  } catch (cause) {
    throw new Error(`the key in "${files.key}" is not that of the certificate in "${files.cert}"`, { cause });
  }
  return tls;
}

/** A certificate, for people. */
export interface CertificateReport {
  /** Distinguished names: `CN=pacs.example, O=Hospital`. */
  subject: string;
  issuer: string;
  /** Subject alternative names: `DNS:pacs.example, IP Address:192.0.2.1`. */
  names: string;
  validFrom: Date;
  validTo: Date;
  /** SHA-256 of the certificate: pairs of hexadecimal digits with colons. */
  fingerprint: string;
}

/** What is known of a TLS connection. */
export interface TlsReport {
  /** `TLSv1.3`. */
  protocol: string;
  /** The cipher suite by its name in the standards (IANA). */
  cipherSuite: string;
  /** Of the peer; undefined where it presented none, as clients may. */
  certificate?: CertificateReport;
}

/** Describes a connection over TLS; undefined over anything else, and before the handshake. */
export function tlsReport(socket: object): TlsReport | undefined {
  if (!isTlsSocket(socket)) return undefined;
  const protocol = socket.getProtocol();
  if (protocol === null || protocol === 'unknown') return undefined;
  const report: TlsReport = {
    protocol,
    cipherSuite: socket.getCipher()?.standardName ?? '',
  };
  // The X509Certificate of the socket itself keeps Node from judging the certificate afterwards.
  const { raw } = socket.getPeerCertificate();
  if (raw) {
    const certificate = new (nodeCrypto().X509Certificate)(raw);
    report.certificate = {
      subject: distinguishedName(certificate.subject),
      issuer: distinguishedName(certificate.issuer),
      names: certificate.subjectAltName ?? '',
      validFrom: new Date(certificate.validFrom),
      validTo: new Date(certificate.validTo),
      fingerprint: certificate.fingerprint256,
    };
  }
  return report;
}

function isTlsSocket(socket: object): socket is TLSSocket {
  return 'encrypted' in socket;
}

function distinguishedName(lines: string | undefined): string {
  return (lines ?? '').trim().replaceAll('\n', ', ');
}

/**
 * A certificate in one line, for messages.
 *
 * @example
 * const { tls } = await echo(node);
 * console.log(tls?.certificate ? certificateText(tls.certificate) : 'not encrypted, or no certificate');
 */
export function certificateText(certificate: CertificateReport): string {
  const { subject, issuer, names, validFrom, validTo, fingerprint } = certificate;
  const validity = `valid ${day(validFrom)} to ${day(validTo)}`;
  return `subject ${subject}, names ${names || 'none'}, issuer ${issuer}, ${validity}, SHA-256 ${fingerprint}`;
}

function day(date: Date): string {
  return Number.isNaN(date.getTime()) ? 'unknown' : date.toISOString().slice(0, 10);
}

/** Why a certificate is refused (X509_V_ERR_… of OpenSSL), and what to do. */
const REFUSALS: Readonly<Record<string, readonly [why: string, remedy: string]>> = {
  DEPTH_ZERO_SELF_SIGNED_CERT: [
    'it is a self-signed certificate that nobody vouches for',
    'if the fingerprint is that of the peer, trust it by ca',
  ],
  SELF_SIGNED_CERT_IN_CHAIN: ['its issuer is not trusted', 'trust the issuer by ca'],
  UNABLE_TO_GET_ISSUER_CERT: ['its issuer is not known', 'trust the issuer by ca'],
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: ['its issuer is not known', 'trust the issuer by ca'],
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: ['its issuer is not known', 'trust the issuer by ca'],
  CERT_HAS_EXPIRED: ['it has expired', 'have it renewed'],
  CERT_NOT_YET_VALID: ['it is not valid yet', 'compare the clocks'],
  CERT_REVOKED: ['it is revoked', 'have it replaced'],
  INVALID_PURPOSE: ['it is not made for this use', 'have one made for it'],
  ERR_TLS_CERT_ALTNAME_INVALID: [
    'it is made out to other names',
    'address the node by one of the names in its certificate, or have it renewed',
  ],
};

/** Why a certificate was refused, and what to do; undefined where the code says nothing of certificates. */
export function refusalOf(code: string): { why: string; remedy: string } | undefined {
  const known = REFUSALS[code];
  return known && { why: known[0], remedy: known[1] };
}

/** What a handshake failed for, by the peer's alert or our own library's word (`ERR_SSL_…`), in words. */
const HANDSHAKE_FAILURES: readonly (readonly [pattern: RegExp, text: string])[] = [
  [
    /CERTIFICATE_REQUIRED|PEER_DID_NOT_RETURN_A_CERTIFICATE/,
    'a certificate of the calling side is required: give cert and key',
  ],
  [
    /ALERT_(UNKNOWN_CA|BAD_CERTIFICATE|CERTIFICATE_UNKNOWN|CERTIFICATE_EXPIRED|CERTIFICATE_REVOKED|UNSUPPORTED_CERTIFICATE|DECRYPT_ERROR|ACCESS_DENIED)/,
    'the certificate was refused by the other side: have it, or its issuer, trusted there',
  ],
  [
    /ALERT_HANDSHAKE_FAILURE|NO_SHARED_CIPHER|PROTOCOL_VERSION|UNSUPPORTED_PROTOCOL|INSUFFICIENT_SECURITY|TOO_SMALL/,
    'the two sides have no TLS version, cipher suite and key in common that BCP 195 allows, or a certificate of the calling side is required',
  ],
  [
    /WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG|HTTP_REQUEST|UNEXPECTED_MESSAGE|RECORD_LAYER|BAD_RECORD_TYPE/,
    'what came is not TLS: check that both sides mean TLS on this port',
  ],
];

/** A failed handshake in words; undefined where the error is none of TLS. */
export function handshakeFailure(error: Error | undefined): string | undefined {
  const code = (error as NodeJS.ErrnoException | undefined)?.code ?? '';
  // Errors of a client's handshake come as EPROTO, with OpenSSL's reason in the message alone.
  const reason = code === 'EPROTO' ? (error?.message ?? '').toUpperCase().replaceAll(' ', '_') : code;
  if (code !== 'EPROTO' && !code.startsWith('ERR_SSL_')) return undefined;
  const known = HANDSHAKE_FAILURES.find(([pattern]) => pattern.test(reason));
  return known ? known[1] : `the handshake failed (${code})`;
}
