import type { Output } from './output.ts';
import { parsePlace } from './place.ts';
import { isNodeName, readSavedNodes, writeSavedNodes } from './saved-nodes.ts';
import { UsageError } from './usage-error.ts';

/** `adit node add NAME URL` */
export async function addNodeCommand(output: Output, name: string, url: string): Promise<boolean> {
  if (!isNodeName(name)) {
    throw new UsageError(
      `"${name}" cannot name a node: take up to 64 letters, digits, dots, dashes and underscores, a letter or digit first.`,
    );
  }
  // A name for a name would change its meaning with that.
  const kind = isNodeName(url) ? 'name' : parsePlace(url).kind;
  if (kind !== 'dimse' && kind !== 'dicomweb') {
    throw new UsageError(`${url} is not a node: write dicom://AET@host:port or dicomweb+https://….`);
  }
  const { [name]: before, ...others } = readSavedNodes();
  await writeSavedNodes({ ...others, [name]: url });
  output.summary({ ok: true }, `${name} stands for ${url}${before ? `, no longer for ${before}` : ''}.`);
  return true;
}

/** `adit node list` */
export async function listNodesCommand(output: Output): Promise<boolean> {
  const nodes = Object.entries(readSavedNodes());
  for (const [name, url] of nodes) output.event({ event: 'node', name, url }, `${name}\t${url}`);
  output.summary({ ok: true }, nodes.length === 0 ? 'No node is saved.' : undefined);
  return true;
}

/** `adit node remove NAME` */
export async function removeNodeCommand(output: Output, name: string): Promise<boolean> {
  const nodes = readSavedNodes();
  if (!Object.hasOwn(nodes, name)) throw new UsageError(`No node is saved as "${name}".`);
  const { [name]: _, ...others } = nodes;
  await writeSavedNodes(others);
  output.summary({ ok: true }, `${name} is removed.`);
  return true;
}
