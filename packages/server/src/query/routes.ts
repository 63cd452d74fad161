import type { ApiHandlers } from '../http/api-handler.ts';
import { type OpenOptions, openSource } from '../nodes/open-node.ts';
import type { NodeService } from '../nodes/service.ts';
import { listSeries, searchStudies } from './service.ts';

export function queryRoutes(options: {
  nodes: NodeService;
  open: OpenOptions;
}): ApiHandlers<'searchStudies' | 'listSeries'> {
  const { nodes, open } = options;
  return {
    async *searchStudies({ params, query, signal }) {
      await using source = openSource(await nodes.getSource(params.nodeId), open);
      yield* searchStudies(source, query, signal);
    },
    async *listSeries({ params, query, signal }) {
      await using source = openSource(await nodes.getSource(params.nodeId), open);
      yield* listSeries(source, { ...query, studyInstanceUid: params.studyInstanceUid }, signal);
    },
  };
}
