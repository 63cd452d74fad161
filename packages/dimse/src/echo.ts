import { SopClass, TransferSyntax } from '@adit/core';
import { connect } from './connect.ts';
import type { DimseNode } from './node.ts';
import type { TlsReport } from './tls.ts';

export interface EchoOptions {
  signal?: AbortSignal | undefined;
}

export interface EchoResult {
  /** How long association, C-ECHO and release took together. */
  seconds: number;
  /** Over TLS: the protocol, the cipher suite and the node's certificate. */
  tls?: TlsReport;
}

/**
 * Verifies a node: association, C-ECHO, release. Throws `DimseError` saying what is wrong.
 *
 * @example
 * const { seconds } = await echo(node, { signal: AbortSignal.timeout(5000) });
 */
export async function echo(node: DimseNode, options: EchoOptions = {}): Promise<EchoResult> {
  const { signal } = options;
  const start = performance.now();
  const contexts = [
    {
      abstractSyntax: SopClass.Verification,
      transferSyntaxes: [TransferSyntax.ImplicitVrLittleEndian, TransferSyntax.ExplicitVrLittleEndian],
    },
  ];
  const association = await connect(node, { contexts, signal });
  try {
    await association.cEcho({ signal });
    await association.release();
    const { tls } = association;
    return { seconds: (performance.now() - start) / 1000, ...(tls && { tls }) };
  } catch (error) {
    association.abort();
    throw error;
  }
}
