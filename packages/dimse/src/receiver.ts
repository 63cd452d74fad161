import { createDelivery, type Delivery } from './delivery.ts';
import { type Claim, type Expectation, ReceivingDesk } from './receiving-desk.ts';
import { type ListenOptions, listen } from './scp/listen.ts';
import { CommitmentReports } from './storage-commitment.ts';

export interface ReceiverOptions extends Omit<ListenOptions, 'handlers' | 'aeTitle'> {
  /** AE title that nodes send to. They must know it with this host and port. */
  aeTitle: string;
}

/** Where retrievals by C-MOVE wait for their objects: a receiver, or several that another program knows how to reach. */
export interface MoveDestination {
  /** AE title that nodes send to. */
  readonly aeTitle: string;
  /** Begins to wait for objects. Dispose of the delivery when done: what comes later is refused. */
  expect(what: Expectation): Delivery | Promise<Delivery>;
}

/** Takes what nodes send on associations of their own, and hands it to those who wait for it. */
export interface Receiver extends MoveDestination, AsyncDisposable {
  readonly port: number;
  /** Takes the reports on storage commitment: for `requestStorageCommitment` and `verifyByCommitment`. */
  readonly reports: CommitmentReports;
  expect(what: Expectation): Delivery;
  /**
   * Has objects given to somebody who need not be in this process, until the claim is disposed of. Undefined where another
   * one has its Message ID: take another.
   */
  claim(claim: Claim): Disposable | undefined;
}

/**
 * Starts a receiver for C-MOVE, and for reports on storage commitment. An object belongs to the retrieval whose C-MOVE it names as its originator; if it names none
 * that is known, to one that waits for its study. It is answered with success when its reader has all of it. Objects that
 * nobody waits for are refused with a status, never taken and dropped.
 *
 * Throws `DimseError` with code `LISTEN` when it cannot listen.
 *
 * @example
 * await using receiver = await createReceiver({ aeTitle: 'ME', host: '127.0.0.1', port: 0 });
 * // Usually the node's administrator enters it; here the node is a PACS of our own.
 * const peers = [{ aeTitle: 'ME', host: '127.0.0.1', port: receiver.port }];
 * await using pacs = await createArchiveScp({ folder, aeTitle: 'PACS', peers });
 * const [object] = syntheticStudy({ series: [{ kind: 'CT' }] });
 * await pacs.archive.store(object);
 *
 * const source = { aeTitle: 'PACS', host: '127.0.0.1', port: pacs.port, retrieve: 'c-move' as const };
 * await using client = createDimseClient(source, { receiver });
 * const studyInstanceUid = textOf(object.attributes, 'StudyInstanceUID');
 * for await (const instance of client.retrieve({ studyInstanceUid })) {
 *   for await (const chunk of instance.dataset) console.log(instance.sopInstanceUid, chunk.length);
 * }
 */
export async function createReceiver(options: ReceiverOptions): Promise<Receiver> {
  const desk = new ReceivingDesk();
  const reports = new CommitmentReports();
  const server = await listen({
    ...options,
    handlers: { store: (request) => desk.store(request), eventReport: reports.eventReport },
  });
  return {
    aeTitle: options.aeTitle.trim(),
    port: server.port,
    reports,
    claim: (claim) => desk.claim(claim),
    expect(what) {
      const delivery = createDelivery({
        messageId: desk.freeMessageId(),
        place: `the host of this program and port ${server.port}`,
        onEnd: () => claimed?.[Symbol.dispose](),
      });
      const claimed = desk.claim({
        ...what,
        messageId: delivery.messageId,
        take: (object, signal) => delivery.take(object, signal),
      });
      return delivery;
    },
    [Symbol.asyncDispose]: async () => {
      await server.close();
    },
  };
}
