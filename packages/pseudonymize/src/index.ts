export {
  type CtpImport,
  type CtpImportOptions,
  type CtpNote,
  importCtpScript,
} from './ctp/import-ctp-script.ts';
export type { TransformOf } from './dataset/transform-of.ts';
export { type ExplainOptions, type Explanation, explain } from './explain/explain.ts';
export { type Plan, type PlannedChange, plan } from './explain/plan.ts';
export type { Identifier, IdentifierKind } from './identifiers/identifier.ts';
export { keyFingerprint, randomKey } from './keys/key.ts';
export type { PatientIdentity } from './keys/patient-id.ts';
export { identifiersOf } from './leaks/identifiers-of.ts';
export { type LeakGuardOptions, leakGuard } from './leaks/leak-guard.ts';
export type { LeakInput, LeakInputOptions } from './leaks/leak-input.ts';
export type { Leak, ScannedElement, ScanOptions } from './leaks/leak-scanner.ts';
export { LeakSearch } from './leaks/leak-search.ts';
export { type LeakReport, type ScanForLeaksOptions, scanForLeaks } from './leaks/scan-for-leaks.ts';
export { type CtpPixelScript, importCtpPixelScript } from './pixels/ctp-pixel-script.ts';
export { type DecompressMaskedOptions, decompressMasked } from './pixels/decompress-masked.ts';
export type { PixelMaskRule, PixelRectangle } from './pixels/pixel-mask.ts';
export { PseudonymizeError } from './pseudonymize-error.ts';
export {
  createPseudonymizer,
  type PseudonymizedInstance,
  type Pseudonymizer,
  type PseudonymizerOptions,
  type PseudonymizeTransform,
} from './pseudonymizer.ts';
export type { PseudonymOf } from './pseudonyms/pseudonym-of.ts';
export { type PseudonymTableOptions, pseudonymTable } from './pseudonyms/pseudonym-table.ts';
export { saltedPseudonyms } from './pseudonyms/salted-pseudonyms.ts';
export {
  isPresetName,
  type PresetName,
  presetNames,
  presetRecipe,
} from './recipe/presets.ts';
export { parseRecipe, type Recipe, type RecipeDocument, recipeEdition } from './recipe/recipe.ts';
export { recipeDigest } from './recipe/recipe-digest.ts';
export type { RecipeAction, RecipeRule } from './recipe/recipe-rule.ts';
export {
  type ActionCounts,
  mergeReports,
  type PixelDataHashes,
  type PseudonymizationReport,
  type Remark,
  type RemarkCode,
} from './report.ts';
