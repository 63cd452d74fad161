import { SopClass, TransferSyntax } from '@adit/core';
import { connect } from './connect.ts';
import type { DimseNode } from './node.ts';

export interface EchoOptions {
  signal?: AbortSignal | undefined;
}

/**
 * Verifies a node: association, C-ECHO, release. Throws `DimseError` saying what is wrong.
 *
 * @returns how long the whole took, in seconds
 */
export async function echo(node: DimseNode, options: EchoOptions = {}): Promise<{ seconds: number }> {
  const { signal } = options;
  const start = performance.now();
  const contexts = [
    {
      abstractSyntax: SopClass.Verification,
      transferSyntaxes: [TransferSyntax.ImplicitVrLittleEndian, TransferSyntax.ExplicitVrLittleEndian],
    },
  ];
  const association = await connect(node, { contexts, signal });
  const stop = () => association.abort();
  signal?.addEventListener('abort', stop, { once: true });
  try {
    await association.cEcho();
    await association.release();
    return { seconds: (performance.now() - start) / 1000 };
  } catch (error) {
    association.abort();
    signal?.throwIfAborted();
    throw error;
  } finally {
    signal?.removeEventListener('abort', stop);
  }
}
