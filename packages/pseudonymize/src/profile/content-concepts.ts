import { tableE341 } from '../generated/content-concepts.ts';
import { type ActionCode, isActionCode } from './action.ts';
import { type OptionActions, readOptions } from './confidentiality-profiles.ts';

/** A row of PS3.15 Table E.3.4-1: what becomes of content items that have a concept name. */
export interface ContentConcept {
  scheme: string;
  code: string;
  /** Value Type (0040,A040) of the content items. */
  valueType: string;
  basic: ActionCode;
  options: OptionActions;
}

let concepts: readonly ContentConcept[] | undefined;
let byName: ReadonlyMap<string, ContentConcept> | undefined;

/** All rows of PS3.15 Table E.3.4-1. */
export function contentConcepts(): readonly ContentConcept[] {
  concepts ??= tableE341.trim().split('\n').map(parse);
  return concepts;
}

/** The row for a content item, by its concept name and value type. */
export function contentConcept(scheme: string, code: string, valueType: string): ContentConcept | undefined {
  byName ??= new Map(contentConcepts().map((concept) => [nameOf(concept), concept]));
  return byName.get(nameOf({ scheme, code, valueType }));
}

function nameOf({ scheme, code, valueType }: { scheme: string; code: string; valueType: string }): string {
  return `${scheme}\\${code}\\${valueType}`;
}

function parse(line: string): ContentConcept {
  const [scheme, code, valueType, basic, ...options] = line.split(' ') as [string, string, string, string];
  if (!isActionCode(basic)) throw new Error(`The action ${basic} of ${scheme} ${code} is not known.`);
  return { scheme, code, valueType, basic, options: readOptions(options) };
}
