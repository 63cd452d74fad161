import { setTimeout as sleep } from 'node:timers/promises';
import { IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME } from '@adit/core';
import { abortError } from './abort-error.ts';
import { Association } from './association.ts';
import { DimseError } from './dimse-error.ts';
import { MessageExchange } from './message-exchange.ts';
import {
  checkNode,
  DEFAULT_CALLING_AE_TITLE,
  DEFAULT_MAXIMUM_PDU_LENGTH,
  type DimseNode,
  nodeName,
} from './node.ts';
import { agreedWindow, proposeWindow } from './operations-window.ts';
import { APPLICATION_CONTEXT, type AssociateAc, type AssociateRq } from './pdu.ts';
import { maximumFragmentLength } from './pdv-framer.ts';
import { agreedContexts, type ContextRequest, proposeContexts } from './presentation-context.ts';
import { isTransientRejection, rejectReason } from './reject-reason.ts';
import { Sta } from './state-machine.ts';
import { certificateText, handshakeFailure, refusalOf, type TlsReport } from './tls.ts';
import { openTransport } from './transport.ts';
import { UpperLayer } from './upper-layer.ts';
import { encodeUserIdentity } from './user-identity.ts';

export interface ConnectOptions {
  /** At most 128 presentation contexts. */
  contexts: readonly ContextRequest[];
  /** Gives up while connecting. An association that stands is ended by `abort` or `release`. */
  signal?: AbortSignal | undefined;
}

const DEFAULT_CONNECT_SECONDS = 10;
const DEFAULT_ASSOCIATE_SECONDS = 30;
const DEFAULT_RESPONSE_SECONDS = 120;
const DEFAULT_CONNECT_ATTEMPTS = 3;
/** Wait before the second attempt, in milliseconds; doubled each time, with up to as much again by chance. */
const FIRST_RETRY_DELAY = 200;

/**
 * Opens an association with a node. Passing trouble of the connection, and rejections the node calls transient, are tried
 * again a few times.
 *
 * Throws `DimseError`: `INVALID_NODE`, `UNREACHABLE`, `TIMEOUT`, `REJECTED`, `ABORTED`, `CONNECTION_LOST`, `PROTOCOL`.
 *
 * @example
 * const contexts = [
 *   { abstractSyntax: SopClass.CtImageStorage, transferSyntaxes: [TransferSyntax.JpegLosslessSv1] },
 * ];
 * await using association = await connect(node, { contexts });
 * console.log(association.contexts); // what the node accepts
 */
export async function connect(node: DimseNode, options: ConnectOptions): Promise<Association> {
  checkNode(node);
  const attempts = node.connectAttempts ?? DEFAULT_CONNECT_ATTEMPTS;
  for (let attempt = 1; ; attempt++) {
    options.signal?.throwIfAborted();
    try {
      return await connectOnce(node, options);
    } catch (error) {
      const again = error instanceof DimseError && error.retryable && error.code !== 'TIMEOUT';
      if (!again || attempt >= attempts) throw error;
      const delay = FIRST_RETRY_DELAY * 2 ** (attempt - 1);
      await sleep(delay * (1 + Math.random()), undefined, { signal: options.signal }).catch(() => undefined);
    }
  }
}

function connectOnce(node: DimseNode, options: ConnectOptions): Promise<Association> {
  const { signal } = options;
  const name = nodeName(node);
  const maximumLength = node.maximumPduLength ?? DEFAULT_MAXIMUM_PDU_LENGTH;
  const { contexts, roles } = proposeContexts(options.contexts);
  const window = proposeWindow(node.operationsWindow ?? 1);
  const request: AssociateRq = {
    type: 'A-ASSOCIATE-RQ',
    protocolVersion: 1,
    calledAeTitle: node.aeTitle.trim(),
    callingAeTitle: (node.callingAeTitle ?? DEFAULT_CALLING_AE_TITLE).trim(),
    applicationContext: APPLICATION_CONTEXT,
    contexts,
    userInformation: {
      maximumLength,
      implementationClassUid: IMPLEMENTATION_CLASS_UID,
      implementationVersionName: IMPLEMENTATION_VERSION_NAME,
      roles,
      ...(window && { asynchronousOperations: window }),
      ...(node.userIdentity && { userIdentity: encodeUserIdentity(node.userIdentity) }),
    },
  };

  const { promise, resolve, reject } = Promise.withResolvers<Association>();
  const connectSeconds = node.timeouts?.connect ?? DEFAULT_CONNECT_SECONDS;
  const associateSeconds = node.timeouts?.associate ?? DEFAULT_ASSOCIATE_SECONDS;
  let timer: NodeJS.Timeout | undefined;
  const giveUp = (error: unknown) => {
    reject(error);
    upper.abort();
  };
  const allow = (seconds: number, what: string) => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      giveUp(
        new DimseError(
          'TIMEOUT',
          `${name} ${what} within ${seconds} s; check that it is running and reachable.`,
          {
            retryable: true,
          },
        ),
      );
    }, seconds * 1000);
  };
  const onSignal = () => giveUp(signal?.reason);

  const transport = openTransport({ host: node.host, port: node.port, tls: node.tls });
  const upper: UpperLayer = new UpperLayer(
    transport,
    {
      onConnected: () => allow(associateSeconds, 'did not answer the association request'),
      onAssociateAnswer: (answer) => {
        if (answer.type === 'A-ASSOCIATE-AC') {
          try {
            resolve(establish(node, name, request, answer, upper, transport.tls));
          } catch (error) {
            giveUp(error);
          }
          return;
        }
        const message = rejectReason(answer, {
          callingAeTitle: request.callingAeTitle,
          calledAeTitle: request.calledAeTitle,
          node: name,
        });
        reject(new DimseError('REJECTED', message, { retryable: isTransientRejection(answer) }));
      },
      onAbort: (indication, state) => {
        const { error } = indication.by === 'transport' ? indication : {};
        // In TLS 1.3 a server judges the certificate of a client that is already sending.
        if (indication.by === 'transport' && (state === Sta.awaitingTransport || handshakeFailure(error))) {
          reject(unreachable(node, name, error, transport.tls));
        } else reject(abortError(name, indication));
      },
      onFragment: () => undefined,
      onReleaseRequest: () => undefined,
      onReleased: () => undefined,
      onActivity: () => undefined,
    },
    { requestor: true, maximumLength, artimSeconds: associateSeconds },
  );
  signal?.addEventListener('abort', onSignal, { once: true });
  allow(connectSeconds, 'could not be connected');
  upper.associate(request);
  return promise.finally(() => {
    clearTimeout(timer);
    signal?.removeEventListener('abort', onSignal);
  });
}

function establish(
  node: DimseNode,
  name: string,
  request: AssociateRq,
  answer: AssociateAc,
  upper: UpperLayer,
  tls: TlsReport | undefined,
): Association {
  const peerMaximumLength = answer.userInformation.maximumLength;
  if (maximumFragmentLength(peerMaximumLength) === 0) {
    throw new DimseError(
      'PROTOCOL',
      `${name} takes PDUs of ${peerMaximumLength} bytes only, which hold nothing; correct its maximum PDU length.`,
    );
  }
  const { asynchronousOperations: asked } = request.userInformation;
  const { asynchronousOperations: answered, userIdentityResponse } = answer.userInformation;
  const exchange = new MessageExchange(upper, {
    peer: name,
    contexts: agreedContexts(request, answer),
    window: agreedWindow(asked, answered),
    peerMaximumLength,
    responseSeconds: node.timeouts?.response ?? DEFAULT_RESPONSE_SECONDS,
    earlyByte: node.earlyByte,
    cancelSeconds: node.timeouts?.cancel,
  });
  return new Association(exchange, node, { tls, userIdentityResponse });
}

/** Errors of the connection that pass by themselves. */
const PASSING = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ECONNABORTED',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ETIMEDOUT',
  'EAI_AGAIN',
  'EPIPE',
]);

function unreachable(
  node: DimseNode,
  name: string,
  error: Error | undefined,
  tls: TlsReport | undefined,
): DimseError {
  const code = (error as NodeJS.ErrnoException | undefined)?.code ?? '';
  const message = tlsMessage(name, code, error, tls) ?? unreachableMessage(node, name, code, error);
  return new DimseError('UNREACHABLE', message, {
    cause: error,
    retryable: PASSING.has(code) || error === undefined,
  });
}

/** Trouble of TLS; undefined where it is none. */
function tlsMessage(
  name: string,
  code: string,
  error: Error | undefined,
  tls: TlsReport | undefined,
): string | undefined {
  const refusal = refusalOf(code);
  if (refusal && tls?.certificate) {
    const { why, remedy } = refusal;
    return `The certificate of ${name} was refused: ${why} (${certificateText(tls.certificate)}); ${remedy}.`;
  }
  const failure = handshakeFailure(error);
  return failure && `${name} could not be connected over TLS: ${failure}.`;
}

function unreachableMessage(node: DimseNode, name: string, code: string, error: Error | undefined): string {
  switch (code) {
    case 'ECONNREFUSED':
      return `${name} refused the connection: nothing listens there; check host and port, and that the node is running.`;
    case 'ENOTFOUND':
      return `The host name ${node.host} of ${name} is not known; check its spelling and the DNS.`;
    case 'EAI_AGAIN':
      return `The host name ${node.host} of ${name} could not be looked up just now; check the DNS, or try again.`;
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
      return `There is no route to ${name}; check the network and its firewalls.`;
    case 'ETIMEDOUT':
      return `${name} did not answer the connection; check host and port, and firewalls on the way.`;
    case 'ECONNRESET':
    case '':
      return node.tls
        ? `${name} closed the connection during the TLS handshake; check that it speaks TLS on this port.`
        : `${name} closed the connection at once; check that host and port lead to a DICOM service.`;
    default:
      return `${name} could not be connected (${error?.message ?? code}); check host, port${node.tls ? ' and certificates' : ''}.`;
  }
}
