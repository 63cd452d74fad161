import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { type CommandSet, encodeCommandSet } from '../command-set.ts';
import type { DimseNode } from '../node.ts';
import { APPLICATION_CONTEXT, type AssociateRq, type ControlPdu, decodePdu, encodePdu } from '../pdu.ts';
import { frameMessage } from '../pdv-framer.ts';

/** A whole PDU as it came. */
export interface ReceivedPdu {
  type: number;
  body: Buffer;
}

/** A peer that does what its script says, right or wrong, PDU by PDU. */
export class ScriptedPeer {
  readonly socket: Socket;
  #buffered: Buffer = Buffer.alloc(0);
  #ended = false;
  #wake: (() => void) | undefined;

  constructor(socket: Socket) {
    this.socket = socket;
    socket.setNoDelay(true);
    socket.on('error', () => undefined);
    socket.on('data', (data) => {
      this.#buffered = Buffer.concat([this.#buffered, data]);
      this.#wake?.();
    });
    socket.on('close', () => {
      this.#ended = true;
      this.#wake?.();
    });
  }

  /** Bytes received and not yet read by the script. */
  get unread(): number {
    return this.#buffered.length;
  }

  send(...pieces: (Uint8Array | ControlPdu)[]): void {
    for (const piece of pieces) this.socket.write(piece instanceof Uint8Array ? piece : encodePdu(piece));
  }

  /** Resolves when what was sent has gone, or the connection has. */
  async drained(): Promise<void> {
    if (this.#ended) return;
    await new Promise<void>((resolve) => {
      this.socket.once('drain', resolve);
      this.socket.once('close', resolve);
    });
  }

  /** Sends a message in as few PDUs as possible. */
  sendMessage(
    contextId: number,
    command: Omit<CommandSet, 'commandDataSetType'>,
    dataset?: Uint8Array,
    maximumFragment = 16000,
  ): void {
    this.send(messageBytes(contextId, command, dataset, maximumFragment));
  }

  /** The next PDU; undefined when the connection has ended. */
  async receive(): Promise<ReceivedPdu | undefined> {
    await this.#need(6);
    if (this.#buffered.length < 6) return undefined;
    const length = this.#buffered.readUInt32BE(2);
    await this.#need(6 + length);
    if (this.#buffered.length < 6 + length) return undefined;
    const pdu = { type: this.#buffered[0]!, body: this.#buffered.subarray(6, 6 + length) };
    this.#buffered = this.#buffered.subarray(6 + length);
    return pdu;
  }

  /** The next PDU, which must be a control PDU of this type. */
  async expect<T extends ControlPdu['type']>(type: T): Promise<Extract<ControlPdu, { type: T }>> {
    const pdu = await this.receive();
    if (!pdu) throw new Error(`The connection ended before ${type}`);
    const decoded = decodePdu(pdu.type, pdu.body);
    if (decoded.type !== type) throw new Error(`Got ${decoded.type} instead of ${type}`);
    return decoded as Extract<ControlPdu, { type: T }>;
  }

  /** So many bytes, whatever they are. */
  async receiveBytes(length: number): Promise<Buffer> {
    await this.#need(length);
    const bytes = this.#buffered.subarray(0, length);
    this.#buffered = this.#buffered.subarray(length);
    return bytes;
  }

  /** Answers an association request by accepting all its contexts and roles, then gives the request. */
  async accept(change: (answer: Extract<ControlPdu, { type: 'A-ASSOCIATE-AC' }>) => void = () => undefined) {
    const request = await this.expect('A-ASSOCIATE-RQ');
    const answer: Extract<ControlPdu, { type: 'A-ASSOCIATE-AC' }> = {
      ...request,
      type: 'A-ASSOCIATE-AC',
      contexts: request.contexts.map(({ id, transferSyntaxes }) => ({
        id,
        result: 0,
        transferSyntax: transferSyntaxes[0]!,
      })),
      userInformation: { ...request.userInformation, maximumLength: 16384 },
    };
    change(answer);
    this.send(answer);
    return request;
  }

  /** Reads whole PDUs of data until a message is complete: the bytes of its command set and data set. */
  async receiveMessage(): Promise<{ contextId: number; command: Buffer; dataset: Buffer }> {
    const command: Buffer[] = [];
    const dataset: Buffer[] = [];
    let contextId = 0;
    for (;;) {
      const pdu = await this.receive();
      if (pdu?.type !== 4) throw new Error(`Got PDU type ${pdu?.type} instead of P-DATA-TF`);
      for (let at = 0; at < pdu.body.length; ) {
        const length = pdu.body.readUInt32BE(at);
        contextId = pdu.body[at + 4]!;
        const control = pdu.body[at + 5]!;
        const isCommand = (control & 1) !== 0;
        (isCommand ? command : dataset).push(pdu.body.subarray(at + 6, at + 4 + length));
        at += 4 + length;
        if ((control & 2) === 0) continue;
        const whole = Buffer.concat(command);
        // Command Data Set Type 0101 (PS3.7 §E.1): no data set follows.
        const none = whole.includes(Buffer.from('00000008020000000101', 'hex'));
        if (!isCommand || none) return { contextId, command: whole, dataset: Buffer.concat(dataset) };
      }
    }
  }

  /** Reads until the other side has closed the connection. */
  async untilClosed(): Promise<void> {
    while (!this.#ended) {
      this.#buffered = Buffer.alloc(0);
      await this.#more();
    }
  }

  async #need(length: number): Promise<void> {
    while (this.#buffered.length < length && !this.#ended) await this.#more();
  }

  async #more(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
    this.#wake = undefined;
  }
}

/** The bytes of a message on the wire. */
export function messageBytes(
  contextId: number,
  command: Omit<CommandSet, 'commandDataSetType'>,
  dataset?: Uint8Array,
  maximumFragment = 16000,
): Buffer {
  const encoded = encodeCommandSet({ ...command, commandDataSetType: dataset ? 0 : 0x0101 });
  return frameMessage(contextId, maximumFragment, encoded, dataset);
}

/** A server whose connections each run the script. Waits for the scripts when disposed of, and throws what they threw. */
export async function scriptedServer(
  script: (peer: ScriptedPeer, index: number) => Promise<void>,
): Promise<{ node: DimseNode; connections: () => number } & AsyncDisposable> {
  const runs: Promise<void>[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    const run = script(new ScriptedPeer(socket), runs.length);
    run.catch(() => undefined);
    runs.push(run);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    node: { aeTitle: 'PEER', host: '127.0.0.1', port, connectAttempts: 1 },
    connections: () => runs.length,
    [Symbol.asyncDispose]: async () => {
      server.close();
      await Promise.all(runs);
      for (const socket of sockets) socket.destroy();
    },
  };
}

/** Connects to a server to be tested. */
export async function scriptedClient(port: number): Promise<ScriptedPeer> {
  const socket = connect({ host: '127.0.0.1', port, noDelay: true });
  await once(socket, 'connect');
  return new ScriptedPeer(socket);
}

/** An association request with contexts numbered 1, 3, 5 … */
export function associateRequest(
  contexts: readonly (readonly [abstractSyntax: string, ...transferSyntaxes: string[]])[],
  change: Partial<AssociateRq> = {},
): AssociateRq {
  return {
    type: 'A-ASSOCIATE-RQ',
    protocolVersion: 1,
    calledAeTitle: 'ADIT',
    callingAeTitle: 'SCRIPT',
    applicationContext: APPLICATION_CONTEXT,
    contexts: contexts.map(([abstractSyntax, ...transferSyntaxes], index) => ({
      id: 2 * index + 1,
      abstractSyntax,
      transferSyntaxes,
    })),
    userInformation: { maximumLength: 16384, implementationClassUid: '1.2.3', roles: [] },
    ...change,
  };
}
