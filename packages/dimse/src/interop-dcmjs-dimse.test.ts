import { attributesFrom, SopClass, TransferSyntax } from '@adit/core';
import { syntheticInstance, syntheticStudy } from '@adit/core/synthetic';
import dcmjsDimse from 'dcmjs-dimse';
import { expect, test } from 'vitest';
import { createDimseSink } from './dimse-sink.ts';
import { echo } from './echo.ts';
import { listen } from './scp/listen.ts';
import { freePort } from './testing/free-port.ts';

const { association: associations, Client, constants, log, requests, responses, Scp, Server } = dcmjsDimse;
log.setLevel('error');

/** A server of dcmjs-dimse that takes everything. */
async function startPeer(): Promise<{ port: number; stored: string[]; close(): void }> {
  const stored: string[] = [];
  class Peer extends Scp {
    override associationRequested(association: InstanceType<typeof associations.Association>) {
      for (const { context } of association.getPresentationContexts()) {
        const [syntax] = context.getTransferSyntaxUids();
        context.setResult(constants.PresentationContextResult.Accept, syntax);
      }
      this.sendAssociationAccept();
    }
    override cEchoRequest(...[request, callback]: Parameters<InstanceType<typeof Scp>['cEchoRequest']>) {
      const response = responses.CEchoResponse.fromRequest(request);
      response.setStatus(constants.Status.Success);
      callback(response);
    }
    override cStoreRequest(...[request, callback]: Parameters<InstanceType<typeof Scp>['cStoreRequest']>) {
      stored.push(request.getAffectedSopInstanceUid());
      const response = responses.CStoreResponse.fromRequest(request);
      response.setStatus(constants.Status.Success);
      callback(response);
    }
    override associationReleaseRequested() {
      this.sendAssociationReleaseResponse();
    }
  }
  const server = new Server(Peer);
  const port = await freePort();
  server.listen(port);
  return { port, stored, close: () => server.close() };
}

test('dcmjs-dimse as a server takes our echo and our objects', async () => {
  const peer = await startPeer();
  try {
    const node = { aeTitle: 'DCMJS', host: '127.0.0.1', port: peer.port };
    await echo(node);
    await using sink = createDimseSink(node, { maxAssociations: 2 });
    const instances = syntheticStudy({ series: [{ kind: 'CT', instances: 6, rows: 64 }] });
    const outcomes = await Promise.all(instances.map((instance) => sink.store(instance)));
    expect(outcomes.map(({ state }) => state)).toEqual(Array(6).fill('stored'));
    expect(peer.stored.sort()).toEqual(instances.map(({ sopInstanceUid }) => sopInstanceUid).sort());
  } finally {
    peer.close();
  }
});

test('dcmjs-dimse as a client echoes, finds and gets from us', async () => {
  const object = syntheticInstance({ kind: 'CT', rows: 64 });
  await using server = await listen({
    aeTitle: 'ADIT',
    host: '127.0.0.1',
    port: 0,
    handlers: {
      async *find() {
        for (const id of ['1', '2', '3']) yield attributesFrom({ PatientID: id });
      },
      get: () => ({
        count: 1,
        instances: (async function* () {
          yield object;
        })(),
      }),
    },
  });
  const client = new Client();
  const events: string[] = [];
  const done = Promise.withResolvers<void>();

  const echoRequest = new requests.CEchoRequest();
  echoRequest.on('response', (response) => events.push(`echo ${response.getStatus()}`));
  client.addRequest(echoRequest);

  const find = requests.CFindRequest.createStudyFindRequest({ PatientID: '*' });
  find.on('response', (response) =>
    events.push(`find ${response.getStatus().toString(16)}${response.hasDataset() ? ' match' : ''}`),
  );
  client.addRequest(find);

  const get = requests.CGetRequest.createStudyGetRequest('1.2.3');
  get.on('response', (response) => events.push(`get ${response.getStatus().toString(16)}`));
  client.addRequest(get);
  client.addAdditionalPresentationContext(
    new associations.PresentationContext(
      0,
      SopClass.CtImageStorage,
      TransferSyntax.ExplicitVrLittleEndian,
      constants.PresentationContextResult.Proposed,
      false,
      true,
    ),
  );
  client.on('cStoreRequest', (request, callback) => {
    events.push(`store ${request.getAffectedSopInstanceUid()}`);
    const response = responses.CStoreResponse.fromRequest(request);
    response.setStatus(constants.Status.Success);
    callback(response);
  });
  client.on('closed', () => done.resolve());
  client.on('networkError', done.reject);
  client.send('127.0.0.1', server.port, 'DCMJS', 'ADIT');
  await done.promise;

  expect(events).toEqual([
    'echo 0',
    'find ff00 match',
    'find ff00 match',
    'find ff00 match',
    'find 0',
    `store ${object.sopInstanceUid}`,
    'get 0',
  ]);
});
