import { setImmediate as othersFirst } from 'node:timers/promises';
import { type Attributes, DicomError, encodeDataset, type QueryLevel } from '@adit/core';
import { Status } from '../status.ts';
import { FIND_MODELS } from './acceptance.ts';
import { Cancellation } from './cancellation.ts';
import type { ScpHandlers } from './handlers.ts';
import { readIdentifier } from './identifier.ts';
import { answer, type Service } from './serve.ts';

/** Most answers sent before other associations, and the peer, get their turn. */
const MATCHES_IN_A_ROW = 64;

/** C-FIND as SCP (PS3.7 §9.1.2): one pending answer for each match the handler yields; C-CANCEL ends it with FE00. */
export async function serveFind(service: Service, find: NonNullable<ScpHandlers['find']>): Promise<void> {
  const { exchange, request, context } = service;
  const query = readIdentifier(request, FIND_MODELS);
  const extensions = service.extensions.get(request.context.abstractSyntax) ?? {};
  let pending: number = Status.pending;
  const ignoresKeys = () => {
    pending = Status.pendingOptionalKeys;
  };
  const matches = find({ ...context, ...query, extensions, ignoresKeys })[Symbol.asyncIterator]();
  const cancellation = new Cancellation(context.signal);
  // Matches from memory and a connection with room leave the event loop no time: not even for a C-CANCEL. The first rows are
  // short, so that the first answers come soon.
  let row = 1;
  let left = row;
  try {
    for (;;) {
      if (left === 0) {
        await othersFirst();
        row = Math.min(2 * row, MATCHES_IN_A_ROW);
        left = row;
      }
      left -= 1;
      const next = await cancellation.before(matches.next());
      if (next === undefined || context.signal.aborted) break;
      if (next.done) return await answer(service, { status: Status.success });
      const identifier = encodeMatch(next.value, query.level, request.context.transferSyntax);
      await exchange.respond(request, { status: pending }, identifier);
    }
    return await answer(service, { status: Status.cancel });
  } finally {
    cancellation.stop();
    // The handler may be in the middle of something: it is told, not waited for.
    void Promise.resolve(matches.return?.()).catch(() => undefined);
  }
}

/** Matches name their level (PS3.4 §C.4.1.1.3.2), and are in UTF-8 where their own character set does not do. */
function encodeMatch(match: Attributes, level: QueryLevel, transferSyntaxUid: string): Uint8Array {
  const named: Attributes = { '00080052': { vr: 'CS', Value: [level] }, ...match };
  try {
    return encodeDataset(named, { transferSyntaxUid });
  } catch (error) {
    if (!(error instanceof DicomError) || error.code !== 'UNENCODABLE') throw error;
    const utf8: Attributes = { ...named, '00080005': { vr: 'CS', Value: ['ISO_IR 192'] } };
    return encodeDataset(utf8, { transferSyntaxUid });
  }
}
