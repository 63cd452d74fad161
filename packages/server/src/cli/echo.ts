import { certificateText, echo, type TlsReport } from '@adit/dimse';
import type { Output } from './output.ts';
import { parseNode } from './place.ts';

/** `adit echo NODE` */
export async function echoCommand(output: Output, target: string, signal: AbortSignal): Promise<boolean> {
  const node = parseNode(target);
  const { seconds, tls } = await echo(node, { signal });
  if (tls) output.say(tlsText(tls));
  output.summary(
    { ok: true, seconds, ...(tls && { tls }) },
    `${node.aeTitle} at ${node.host}:${node.port} answers after ${Math.round(seconds * 1000)} ms.`,
  );
  return true;
}

function tlsText({ protocol, cipherSuite, certificate }: TlsReport): string {
  const own = certificate ? `certificate: ${certificateText(certificate)}` : 'no certificate';
  return `${protocol} with ${cipherSuite}; ${own}.`;
}
