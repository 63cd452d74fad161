import type { RetrievalWay } from '@adit/client';
import { type FirstOfferedOptions, firstOffered, type InstanceSource } from '@adit/core';
import { createDimseClient, type DimseClient, type DimseNode, type MoveDestination } from '@adit/dimse';

/** Every way to retrieve, in the order that is taken where nothing else is said. */
export const RETRIEVAL_WAYS: readonly RetrievalWay[] = ['wado-rs', 'c-get', 'c-move'];

export interface WaysOptions extends FirstOfferedOptions {
  /** Of the node's DICOMweb service, where it has one; is disposed of with the rest. */
  web?: (InstanceSource & AsyncDisposable) | undefined;
  /** Where the node sends by C-MOVE. */
  receiver?: MoveDestination | undefined;
  /** Ways to retrieve, in the order they are tried. Default: all, WADO-RS where there is `web`. */
  retrieve?: readonly RetrievalWay[] | undefined;
}

/** A DIMSE node that may have a DICOMweb service as well: searched by C-FIND, retrieved from by the first way it offers. */
export function openWays(node: DimseNode, options: WaysOptions): DimseClient {
  const { web, receiver, retrieve = RETRIEVAL_WAYS, onWay } = options;
  const client = createDimseClient({ ...node, retrieve: 'c-get' });
  const moving = createDimseClient({ ...node, retrieve: 'c-move' }, { receiver });
  const sources = { 'wado-rs': web, 'c-get': client, 'c-move': moving };
  const ways = retrieve.flatMap((way) => {
    const source = sources[way];
    return source ? [{ name: way.toUpperCase(), source }] : [];
  });
  return {
    ...client,
    ...firstOffered(ways, { onWay }),
    async [Symbol.asyncDispose]() {
      await Promise.all([client, moving, web].map((one) => one?.[Symbol.asyncDispose]()));
    },
  };
}
