import { attributesFrom } from '../data/attribute-access.ts';
import type { Attributes } from '../data/attributes.ts';
import { characterSetOf } from '../data/character-set.ts';
import { encodeDataset } from '../data/dataset.ts';
import { deflateDataset } from '../data/deflate.ts';
import { TransferSyntax, transferSyntaxOrDefault } from '../data/transfer-syntax.ts';
import { DicomError } from '../errors.ts';
import { type InstanceContext, instanceContext } from './instance-context.ts';
import { ct } from './kinds/ct.ts';
import { enhancedCt } from './kinds/enhanced-ct.ts';
import { enhancedMr } from './kinds/enhanced-mr.ts';
import type { Kind } from './kinds/kind.ts';
import { mr } from './kinds/mr.ts';
import { secondaryCapture } from './kinds/secondary-capture.ts';
import { textSr } from './kinds/text-sr.ts';
import { us, usMultiFrame } from './kinds/ultrasound.ts';
import { pixelDataLength, streamPixelData } from './pixel-data.ts';
import type { SyntheticInstance, SyntheticInstanceOptions, SyntheticKind } from './types.ts';

const kinds: Readonly<Record<SyntheticKind, Kind>> = {
  CT: ct,
  MR: mr,
  US: us,
  'US-multi-frame': usMultiFrame,
  SC: secondaryCapture,
  SR: textSr,
  'enhanced-CT': enhancedCt,
  'enhanced-MR': enhancedMr,
};

const writable = new Set<string>([
  TransferSyntax.ImplicitVrLittleEndian,
  TransferSyntax.ExplicitVrLittleEndian,
  TransferSyntax.ExplicitVrBigEndian,
  TransferSyntax.DeflatedExplicitVrLittleEndian,
  TransferSyntax.RleLossless,
]);

/** The smallest character set that has all characters of the texts; undefined for ASCII. */
function fittingCharacterSet({ patient, study, description, findings }: InstanceContext): string | undefined {
  const texts = [...Object.values(patient), ...Object.values(study), description, findings].join('');
  return [undefined, 'ISO_IR 100', 'ISO_IR 192'].find(
    (term) => characterSetOf(term === undefined ? [] : [term]).encode(texts) !== undefined,
  );
}

/**
 * Makes one DICOM object: its attributes at once, its pixels as they are read.
 *
 * The same options give the same bytes. Instances of the same seed belong to one study; `seriesNumber` and
 * `instanceNumber` say which they are in it.
 *
 * @example
 * const instance = syntheticInstance({ kind: 'CT', seed: 'my test', patient: { name: 'Müller^Jörg' } });
 */
export function syntheticInstance(options: SyntheticInstanceOptions): SyntheticInstance {
  const kind = kinds[options.kind];
  const context = instanceContext(options, kind.defaults);
  const picture = kind.picture?.(context);

  let syntax = transferSyntaxOrDefault(context.transferSyntaxUid);
  if (!writable.has(syntax.uid)) {
    throw new DicomError('INVALID_ARGUMENT', `Synthetic objects cannot be written in ${syntax.name}.`);
  }
  // Without pixel data there is nothing to encapsulate.
  if (picture === undefined && syntax.encapsulated) {
    syntax = transferSyntaxOrDefault(TransferSyntax.ExplicitVrLittleEndian);
  }

  const specificCharacterSet = options.specificCharacterSet ?? fittingCharacterSet(context);
  const attributes: Attributes = {
    ...attributesFrom({ SpecificCharacterSet: specificCharacterSet, ...kind.attributes(context, picture) }),
    ...context.extra,
  };
  // A deflated data set is made of the explicit little endian one (PS3.5 §A.5).
  const plain = syntax.deflated ? transferSyntaxOrDefault(TransferSyntax.ExplicitVrLittleEndian) : syntax;
  const header = encodeDataset(attributes, { transferSyntaxUid: plain.uid });

  async function* bytes(): AsyncGenerator<Uint8Array, void, undefined> {
    // A copy, for its reader owns each chunk.
    yield header.slice();
    if (picture !== undefined) yield* streamPixelData(picture, plain);
  }

  const pixels = picture === undefined ? 0 : pixelDataLength(picture, plain);
  const byteLength = syntax.deflated || pixels === undefined ? undefined : header.length + pixels;
  return {
    sopClassUid: kind.sopClassUid,
    sopInstanceUid: context.sopInstanceUid,
    transferSyntaxUid: syntax.uid,
    ...(byteLength === undefined ? {} : { byteLength }),
    dataset: { [Symbol.asyncIterator]: () => (syntax.deflated ? deflateDataset(bytes()) : bytes()) },
    attributes,
  };
}
