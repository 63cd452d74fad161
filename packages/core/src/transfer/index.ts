export type { TransferCounts, TransferReason } from './counts.ts';
export { TransferTally } from './counts.ts';
export { HeldBackError } from './held-back-error.ts';
export { Ledger, type LedgerRecord, type LedgerState } from './ledger.ts';
export { type TransferOptions, type TransferProblem, type TransferResult, transfer } from './transfer.ts';
export type * from './types.ts';
export { verifyByQuery } from './verify.ts';
