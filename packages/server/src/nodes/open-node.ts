import {
  type FirstOfferedOptions,
  type InstanceSink,
  type InstanceSource,
  type Queryable,
  type Verifier,
  verifyByQuery,
} from '@adit/core';
import { createFolderSink } from '@adit/core/node';
import { createDicomWebClient, createDicomWebSink, type DicomWebServiceOptions } from '@adit/dicomweb';
import { createDimseClient, createDimseSink, type DimseNode, type MoveDestination } from '@adit/dimse';
import type { StoredNodeSettings } from '../db/schema.ts';
import { ServerError } from '../errors.ts';
import type { Secrets } from '../runtime/secrets.ts';
import { openWays } from './open-ways.ts';
import { authorizationOf } from './service.ts';
import type { StoredNode } from './store.ts';

export interface OpenOptions {
  secrets: Secrets;
  /** AE title this server calls with. */
  callingAeTitle: string;
  /** Where nodes send because of a C-MOVE; undefined for what receives nothing. */
  receiver?: MoveDestination | undefined;
  /** Of a source that offers several ways to retrieve: told which is used. */
  onWay?: FirstOfferedOptions['onWay'];
}

/** A node that can be searched and read from. */
export type OpenSource = InstanceSource & Queryable & AsyncDisposable;

export interface OpenDestination extends AsyncDisposable {
  sink: InstanceSink;
  verify: Verifier;
}

/** Opens a node to read from. Nothing is connected before something is asked. */
export function openSource(node: StoredNode, options: OpenOptions): OpenSource {
  const { settings } = node;
  switch (settings.kind) {
    case 'dimse': {
      const { dicomWebUrl: url, retrieve } = settings;
      const { receiver, onWay } = options;
      const web =
        url === undefined ? undefined : createDicomWebClient(toDicomWebService(node, { url }, options));
      return openWays(toDimseNode(settings, options), { web, receiver, retrieve, onWay });
    }
    case 'dicomweb':
      return createDicomWebClient(toDicomWebService(node, settings, options));
    case 'folder':
      throw new ServerError(
        'INVALID_REQUEST',
        `${node.name} is a folder: it cannot be searched or read from.`,
      );
  }
}

/**
 * Opens a node to write to.
 *
 * @param folder Where in a folder node to write: one directory below it.
 */
export function openDestination(
  node: StoredNode,
  { folder, ...options }: OpenOptions & { folder: string },
): OpenDestination {
  const { settings } = node;
  switch (settings.kind) {
    case 'dimse': {
      const dimseNode = toDimseNode(settings, options);
      const sink = createDimseSink(dimseNode);
      const client = createDimseClient(dimseNode);
      return {
        sink,
        verify: verifyByQuery(client),
        async [Symbol.asyncDispose]() {
          await Promise.all([sink[Symbol.asyncDispose](), client[Symbol.asyncDispose]()]);
        },
      };
    }
    case 'dicomweb': {
      const service = toDicomWebService(node, settings, options);
      const sink = createDicomWebSink(service);
      const client = createDicomWebClient(service);
      return {
        sink,
        verify: verifyByQuery(client),
        async [Symbol.asyncDispose]() {
          await Promise.all([sink[Symbol.asyncDispose](), client[Symbol.asyncDispose]()]);
        },
      };
    }
    case 'folder': {
      const sink = createFolderSink(folder);
      return { sink, verify: sink.verify, async [Symbol.asyncDispose]() {} };
    }
  }
}

/** A node of this server as @adit/dicomweb knows it. */
export function toDicomWebService(
  node: StoredNode,
  { url }: { url: string },
  { secrets }: Pick<OpenOptions, 'secrets'>,
): DicomWebServiceOptions {
  const authorization = authorizationOf(node, secrets);
  return { url, ...(authorization === undefined ? {} : { authorization }) };
}

/** A node of this server as @adit/dimse knows it. */
export function toDimseNode(
  settings: Extract<StoredNodeSettings, { kind: 'dimse' }>,
  { callingAeTitle }: Pick<OpenOptions, 'callingAeTitle'>,
): DimseNode {
  const { aeTitle, host, port, maxAssociations } = settings;
  return { aeTitle, host, port, maxAssociations, callingAeTitle };
}
