export { randomKey } from './keys/key.ts';
export { PseudonymizeError } from './pseudonymize-error.ts';
export {
  createPseudonymizer,
  type PseudonymizedInstance,
  type Pseudonymizer,
  type PseudonymizerOptions,
  type PseudonymizeTransform,
} from './pseudonymizer.ts';
export {
  type ActionCounts,
  mergeReports,
  type PseudonymizationReport,
  type Remark,
  type RemarkCode,
} from './report.ts';
