import { z } from 'zod';
import { brokenOff, type FrameType, type HandOverChannel, type ReceivedFrame } from './hand-over-channel.ts';

/** What is JSON in the frames. Nodes send UIDs that are longer than they may be. */
const uid = z.string().max(1024);
const aeTitle = z.string().max(16);

export const claimMessage = z.object({
  callingAeTitle: aeTitle,
  nodeAeTitle: aeTitle,
  studyInstanceUid: uid,
  seriesInstanceUids: z.array(uid).optional(),
  sopInstanceUids: z.array(uid).optional(),
  messageId: z.int().min(1).max(65535),
});

export const objectMessage = z.object({ sopClassUid: uid, sopInstanceUid: uid, transferSyntaxUid: uid });

export const errorMessage = z.object({ code: z.string(), message: z.string(), retryable: z.boolean() });

export function encode(message: unknown): Uint8Array {
  return Buffer.from(JSON.stringify(message));
}

/** Throws when it is something else. */
export function decode<T>(schema: z.ZodType<T>, payload: Buffer): T {
  try {
    return schema.parse(JSON.parse(payload.toString('utf8')));
  } catch {
    // What was sent is not repeated: it may name a patient.
    throw brokenOff(new Error('A message that is none.'));
  }
}

/** The next frame, which has to be of this type; undefined after the end. */
export async function nextOf(channel: HandOverChannel, type: FrameType): Promise<ReceivedFrame | undefined> {
  const frame = await channel.next();
  if (frame && frame.type !== type) throw brokenOff(new Error(`Frame ${frame.type} instead of ${type}.`));
  return frame;
}
