import { deflateDataset } from '../data/deflate.ts';
import { createElementReader } from '../data/element-reader.ts';
import { TransferSyntax, transferSyntax, transferSyntaxOrDefault } from '../data/transfer-syntax.ts';
import type { DicomInstance } from '../transfer/types.ts';
import { createFrameDecoder, type FrameDecoder, isDecodable } from './decode-frame.ts';
import { unsupported } from './image-attributes.ts';
import { Reencoder } from './reencoder.ts';

/**
 * Transfer syntaxes that objects can be transcoded to: those without compression of pixels. The best come first: explicit VR
 * keeps the VRs of private elements, big endian is retired.
 */
export const transcodingTargets: readonly string[] = [
  TransferSyntax.ExplicitVrLittleEndian,
  TransferSyntax.DeflatedExplicitVrLittleEndian,
  TransferSyntax.ImplicitVrLittleEndian,
  TransferSyntax.ExplicitVrBigEndian,
];

/** Is there a way from one transfer syntax to another? Compressed pixel data can be decoded; nothing is compressed. */
export function canTranscode(from: string, to: string): boolean {
  if (from === to || !transcodingTargets.includes(to)) return false;
  const known = transferSyntax(from);
  return known !== undefined && (transcodingTargets.includes(from) || isDecodable(from));
}

/**
 * The same instance in another transfer syntax, re-encoded as it is read: pixel data frame by frame, the rest element by
 * element. Its pixels are the same ones, so that its SOP Instance UID and what it says about an earlier lossy compression
 * (0028,2110) are kept.
 *
 * Throws `UNSUPPORTED` where there is no way, or a package for it is not installed (`dcmjs-codecs`). Reading the data set
 * throws it where an object cannot be transcoded without loss, and `MALFORMED` or `TRUNCATED` where it is broken.
 */
export async function transcode(instance: DicomInstance, transferSyntaxUid: string): Promise<DicomInstance> {
  const from = instance.transferSyntaxUid;
  if (from === transferSyntaxUid) return instance;
  if (!canTranscode(from, transferSyntaxUid)) {
    const [one, other] = [from, transferSyntaxUid].map((uid) => transferSyntaxOrDefault(uid).name);
    throw unsupported(`there is no way from ${one} to ${other}`);
  }
  const decoder = isDecodable(from) ? await createFrameDecoder(from) : undefined;
  const { sopClassUid, sopInstanceUid } = instance;
  const dataset = reencode(instance, transferSyntaxUid, decoder);
  const { deflated } = transferSyntaxOrDefault(transferSyntaxUid);
  return {
    sopClassUid,
    sopInstanceUid,
    transferSyntaxUid,
    dataset: deflated ? deflateDataset(dataset) : dataset,
  };
}

async function* reencode(
  instance: DicomInstance,
  transferSyntaxUid: string,
  decoder: FrameDecoder | undefined,
): AsyncGenerator<Uint8Array, void, undefined> {
  const reader = createElementReader({ transferSyntaxUid: instance.transferSyntaxUid });
  const reencoder = new Reencoder(transferSyntaxUid, decoder);
  const { output } = reencoder;
  for await (const chunk of instance.dataset) {
    for (const token of reader.push(chunk)) {
      reencoder.write(token);
      if (output.ready) yield* output.take();
    }
  }
  for (const token of reader.end()) reencoder.write(token);
  yield* output.take(true);
}
