import { contract, type Node } from '@adit/client';
import type { Config } from '../config.ts';
import { type DemoNodes, startDemoNodes } from '../demo/start-demo-nodes.ts';
import type { NodeService } from '../nodes/service.ts';

export interface ProvideDemoNodesOptions {
  readonly config: Config;
  readonly nodes: NodeService;
  readonly signal: AbortSignal;
  /** Called when studies are about to be generated, which takes a while. */
  readonly onFill?: () => void;
}

/**
 * Starts the two demo servers if there shall be any (`ADIT_DEMO`), and configures them as nodes. Once configured they are
 * started again each time, for as long as one of their nodes is left.
 */
export async function provideDemoNodes({
  config,
  nodes,
  signal,
  onFill,
}: ProvideDemoNodesOptions): Promise<DemoNodes | undefined> {
  if (config.demo === 'off') return undefined;
  const configured = await nodes.list();
  const known = configured.filter(isDemoNode);
  const untouched = configured.length === 0 && config.databaseUrl === undefined;
  if (known.length === 0 && config.demo === 'auto' && !untouched) return undefined;

  if (known.length === 0) onFill?.();
  const demo = await startDemoNodes({ dataDirectory: config.dataDirectory, signal });
  try {
    for (const { aeTitle, host, port, name } of demo.nodes) {
      const node = known.find((candidate) => candidate.aeTitle === aeTitle);
      if (node === undefined && known.length === 0) {
        const settings = {
          kind: 'dimse',
          name,
          source: true,
          destination: true,
          aeTitle,
          host,
          port,
        } as const;
        await nodes.create(contract.createNode.body.parse(settings));
      } else if (node !== undefined && node.port !== port) {
        const { id, ...settings } = node;
        await nodes.update(id, { ...settings, port });
      }
    }
  } catch (error) {
    await demo.close();
    throw error;
  }
  return demo;
}

type DimseNode = Extract<Node, { kind: 'dimse' }>;

/** Whether a configured node is one of the demo servers: their AE titles, on this machine. */
function isDemoNode(node: Node): node is DimseNode {
  return node.kind === 'dimse' && /^DEMO_[AB]$/.test(node.aeTitle) && node.host === '127.0.0.1';
}
