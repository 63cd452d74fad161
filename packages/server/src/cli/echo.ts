import { echo } from '@adit/dimse';
import type { Output } from './output.ts';
import { parseNode } from './place.ts';

/** `adit echo NODE` */
export async function echoCommand(output: Output, target: string, signal: AbortSignal): Promise<boolean> {
  const node = parseNode(target);
  const { seconds } = await echo(node, { signal });
  output.summary(
    { ok: true, seconds },
    `${node.aeTitle} at ${node.host}:${node.port} answers after ${Math.round(seconds * 1000)} ms.`,
  );
  return true;
}
