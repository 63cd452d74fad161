import { expect, it } from 'vitest';
import { TransferSyntax, transferSyntax, transferSyntaxOrDefault } from './transfer-syntax.ts';

it.each([
  ['Implicit VR Little Endian', TransferSyntax.ImplicitVrLittleEndian, false, true, false, false],
  ['Explicit VR Little Endian', TransferSyntax.ExplicitVrLittleEndian, true, true, false, false],
  [
    'Deflated Explicit VR Little Endian',
    TransferSyntax.DeflatedExplicitVrLittleEndian,
    true,
    true,
    true,
    false,
  ],
  ['Explicit VR Big Endian', TransferSyntax.ExplicitVrBigEndian, true, false, false, false],
  ['JPEG Baseline (Process 1)', TransferSyntax.JpegBaseline8Bit, true, true, false, true],
  ['JPIP Referenced Deflate', TransferSyntax.JpipReferencedDeflate, true, true, true, false],
  // Frames are deflated one by one; the data set is not.
  ['Deflated Image Frame Compression', TransferSyntax.DeflatedImageFrameCompression, true, true, false, true],
  ['RLE Lossless', TransferSyntax.RleLossless, true, true, false, true],
])('knows %s', (name, uid, explicitVr, littleEndian, deflated, encapsulated) => {
  expect(transferSyntax(uid)).toEqual({ uid, name, explicitVr, littleEndian, deflated, encapsulated });
});

it('takes an unknown one for encapsulated explicit VR little endian', () => {
  expect(transferSyntax('1.2.3')).toBeUndefined();
  expect(transferSyntaxOrDefault('1.2.3')).toEqual({
    uid: '1.2.3',
    name: '1.2.3',
    explicitVr: true,
    littleEndian: true,
    deflated: false,
    encapsulated: true,
  });
});
