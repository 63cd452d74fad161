export * from './data/age.ts';
export * from './data/attribute-access.ts';
export * from './data/attributes.ts';
export * from './data/base64.ts';
export * from './data/character-set.ts';
export * from './data/dataset.ts';
export * from './data/date-time.ts';
export * from './data/deflate.ts';
export * from './data/dictionary.ts';
export * from './data/element-reader.ts';
export * from './data/element-writer.ts';
export {
  encodeFileMeta,
  type FileMetaOptions,
  IMPLEMENTATION_CLASS_UID,
  IMPLEMENTATION_VERSION_NAME,
  type Part10Instance,
  type ReadPart10Options,
  readPart10,
  writePart10,
} from './data/part10.ts';
export { type PeekedHeader, type PeekHeaderOptions, peekHeader } from './data/peek-header.ts';
export * from './data/person-name.ts';
export * from './data/read-metadata.ts';
export * from './data/replay.ts';
export * from './data/rle.ts';
export * from './data/sop-class.ts';
export * from './data/tag.ts';
export * from './data/tags.ts';
export * from './data/transfer-syntax.ts';
export * from './data/uid.ts';
export * from './data/uid-registry.ts';
export * from './data/values.ts';
export * from './data/vr.ts';
export * from './errors.ts';
export * from './job/index.ts';
export * from './layout/index.ts';
export * from './query/identifier.ts';
export * from './query/matching.ts';
export * from './query/return-keys.ts';
export * from './query/types.ts';
export * from './transfer/counts.ts';
export { type ExpectedInstances, expectedInstances, hasGrown } from './transfer/expected.ts';
export * from './transfer/first-offered.ts';
export * from './transfer/held-back-error.ts';
export * from './transfer/ledger.ts';
export * from './transfer/manifest.ts';
export * from './transfer/one-reader.ts';
export * from './transfer/pixel-hash.ts';
export type { TransferProblem } from './transfer/problem.ts';
export * from './transfer/retrieval.ts';
export * from './transfer/transfer.ts';
export * from './transfer/transfer-directly.ts';
export * from './transfer/types.ts';
export * from './transfer/verify.ts';
