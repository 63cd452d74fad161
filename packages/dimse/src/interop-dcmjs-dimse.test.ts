import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { attributesFrom, SopClass, TransferSyntax, textOf, writePart10 } from '@adit/core';
import { syntheticInstance, syntheticStudy } from '@adit/core/synthetic';
import dcmjsDimse from 'dcmjs-dimse';
import { expect, test } from 'vitest';
import { createArchiveScp } from './archive/create-archive-scp.ts';
import { createDimseClient } from './dimse-client.ts';
import { createDimseSink } from './dimse-sink.ts';
import { echo } from './echo.ts';
import { listen } from './scp/listen.ts';
import { freePort } from './testing/free-port.ts';

const {
  association: associations,
  Client,
  constants,
  Dataset,
  log,
  requests,
  responses,
  Scp,
  Server,
} = dcmjsDimse;
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
    override cFindRequest(...[request, callback]: Parameters<InstanceType<typeof Scp>['cFindRequest']>) {
      const answers = ['1', '2'].map((id) => {
        const match = responses.CFindResponse.fromRequest(request);
        match.setStatus(constants.Status.Pending);
        match.setDataset(
          new Dataset({ PatientID: id, StudyInstanceUID: '1.2.3' }, TransferSyntax.ImplicitVrLittleEndian),
        );
        return match;
      });
      const last = responses.CFindResponse.fromRequest(request);
      last.setStatus(constants.Status.Success);
      callback([...answers, last]);
    }
    override cGetRequest(...[request, callback]: Parameters<InstanceType<typeof Scp>['cGetRequest']>) {
      const last = responses.CGetResponse.fromRequest(request);
      last.setStatus(constants.Status.Success);
      last.setFailures(2);
      callback([last]);
    }
    override cMoveRequest(...[request, callback]: Parameters<InstanceType<typeof Scp>['cMoveRequest']>) {
      const pending = responses.CMoveResponse.fromRequest(request);
      pending.setStatus(constants.Status.Pending);
      pending.setRemaining(1);
      pending.setCompleted(1);
      const last = responses.CMoveResponse.fromRequest(request);
      last.setStatus(constants.Status.Success);
      last.setCompleted(2);
      callback([pending, last]);
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

test('dcmjs-dimse as a server is searched, retrieved from, and has objects sent', async () => {
  const peer = await startPeer();
  try {
    const node = { aeTitle: 'DCMJS', host: '127.0.0.1', port: peer.port };
    await using client = createDimseClient(node);
    const found: unknown[] = [];
    for await (const match of client.find({ level: 'STUDY', keys: { PatientID: '' } })) {
      found.push(textOf(match, 'PatientID'));
    }
    expect(found).toEqual(['1', '2']);

    // As a server it has no way to send objects by C-GET: it says success, and that they failed.
    const failures: unknown[] = [];
    const selection = { studyInstanceUid: '1.2.3' };
    const options = {
      sopClassUids: [SopClass.CtImageStorage],
      onFailure: (failure: unknown) => failures.push(failure),
    };
    for await (const _ of client.retrieve(selection, options)) expect.unreachable();
    expect(failures).toHaveLength(2);

    const moved = client.move(selection, { destination: 'SOMEBODY' });
    let end = await moved.next();
    while (!end.done) end = await moved.next();
    expect(end.value).toMatchObject({ completed: 2 });
  } finally {
    peer.close();
  }
});

test('dcmjs-dimse as a client stores with us, and has objects sent', async () => {
  const stored: string[] = [];
  await using receiver = await listen({
    aeTitle: 'ADIT',
    host: '127.0.0.1',
    port: 0,
    handlers: {
      store: async ({ sopInstanceUid, dataset }) => {
        for await (const _ of dataset);
        stored.push(sopInstanceUid);
        return 0;
      },
    },
  });
  const folder = await mkdtemp(join(tmpdir(), 'adit-dcmjs-'));
  try {
    const instances = syntheticStudy({ series: [{ kind: 'CT', instances: 2, rows: 64 }] });
    const uids = instances.map(({ sopInstanceUid }) => sopInstanceUid);
    const client = new Client();
    for (const [index, instance] of instances.entries()) {
      const file = join(folder, `${index}.dcm`);
      await writeFile(file, writePart10(instance));
      client.addRequest(new requests.CStoreRequest(file));
    }
    await sent(client, receiver.port);
    expect(stored).toEqual(uids);

    stored.length = 0;
    const peers = [{ aeTitle: 'ADIT', host: '127.0.0.1', port: receiver.port }];
    await using archive = await createArchiveScp({ folder, aeTitle: 'ADIT', peers });
    const studyInstanceUid = textOf(instances[0]!.attributes, 'StudyInstanceUID')!;
    const move = requests.CMoveRequest.createStudyMoveRequest('ADIT', studyInstanceUid);
    const statuses: number[] = [];
    move.on('response', (response) => statuses.push(response.getStatus()));
    const mover = new Client();
    mover.addRequest(move);
    await sent(mover, archive.port);
    expect(statuses.at(-1)).toBe(constants.Status.Success);
    expect(stored.sort()).toEqual([...uids].sort());
  } finally {
    await rm(folder, { recursive: true });
  }
});

/** Sends what a client has to send, and waits for its end. */
async function sent(client: InstanceType<typeof Client>, port: number): Promise<void> {
  const done = Promise.withResolvers<void>();
  client.on('closed', () => done.resolve());
  client.on('networkError', done.reject);
  client.send('127.0.0.1', port, 'DCMJS', 'ADIT');
  await done.promise;
}

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
  await sent(client, server.port);

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
