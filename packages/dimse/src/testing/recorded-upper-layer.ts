import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import type { AssociateAc, AssociateRq } from '../pdu.ts';
import { acceptedTransport, openTransport } from '../transport.ts';
import { type AbortIndication, UpperLayer, type UpperLayerUser } from '../upper-layer.ts';
import { associateRequest, type ScriptedPeer, scriptedClient, scriptedServer } from './scripted-peer.ts';

/** What the upper layer has said so far, in order, and its aborts. */
interface Recorder {
  user: UpperLayerUser;
  events: string[];
  aborts: AbortIndication[];
  /** Resolves when the event has been noted. */
  until(event: string): Promise<void>;
}

/** An upper layer and what it says. */
export interface RecordedUpperLayer extends Omit<Recorder, 'user'>, AsyncDisposable {
  upper: UpperLayer;
}

function recorder(): Recorder {
  const events: string[] = [];
  const aborts: AbortIndication[] = [];
  const waiting = new Map<string, PromiseWithResolvers<void>>();
  const note = (event: string) => {
    events.push(event);
    waiting.get(event)?.resolve();
  };
  const user: UpperLayerUser = {
    onAssociateRequest: () => note('associate'),
    onAssociateAnswer: (answer) => note(answer.type),
    onFragment: () => note('data'),
    onReleaseRequest: () => note('release?'),
    onReleased: () => note('released'),
    onAbort: (indication) => {
      aborts.push(indication);
      note('abort');
    },
    onActivity: () => undefined,
  };
  const until = async (event: string) => {
    if (events.includes(event)) return;
    const gate = Promise.withResolvers<void>();
    waiting.set(event, gate);
    await gate.promise;
  };
  return { user, events, aborts, until };
}

/** The association request of the tests: Verification in one context. */
export const verificationRequest = associateRequest([['1.2.840.10008.1.1', '1.2.840.10008.1.2']]);

/** Accepts the one context of a request. */
export function acceptOf(request: AssociateRq): AssociateAc {
  return {
    ...request,
    type: 'A-ASSOCIATE-AC',
    contexts: [{ id: 1, result: 0, transferSyntax: '1.2.840.10008.1.2' }],
  };
}

/** An upper layer as acceptor, and the scripted peer that has connected to it. */
export async function acceptingUpperLayer(
  artimSeconds = 30,
): Promise<RecordedUpperLayer & { peer: ScriptedPeer }> {
  const server = createServer().listen(0, '127.0.0.1');
  const connection = once(server, 'connection') as Promise<[Socket]>;
  await once(server, 'listening');
  const peer = await scriptedClient((server.address() as AddressInfo).port);
  const record = recorder();
  const [socket] = await connection;
  const upper = new UpperLayer(acceptedTransport(socket), record.user, {
    requestor: false,
    maximumLength: 65536,
    artimSeconds,
  });
  return {
    ...record,
    peer,
    upper,
    [Symbol.asyncDispose]: async () => {
      peer.socket.destroy();
      socket.destroy();
      server.close();
    },
  };
}

/** An upper layer as requestor, and the script its peer follows. */
export async function requestingUpperLayer(
  script: (peer: ScriptedPeer) => Promise<void>,
): Promise<RecordedUpperLayer> {
  const server = await scriptedServer(script);
  const record = recorder();
  const transport = openTransport({ host: '127.0.0.1', port: server.node.port });
  const upper = new UpperLayer(transport, record.user, {
    requestor: true,
    maximumLength: 65536,
    artimSeconds: 30,
  });
  upper.associate(verificationRequest);
  return { ...record, upper, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
}
