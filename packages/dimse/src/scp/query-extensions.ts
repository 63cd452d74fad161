import type { ExtendedNegotiation } from '../pdu.ts';
import { FIND_MODELS } from './acceptance.ts';

/** What a query may do beyond the baseline, if both sides have agreed on it (PS3.4 §C.5.1.1). */
export interface QueryExtensions {
  /** Ask at any level without the unique keys of the levels above. */
  relationalQueries?: boolean;
  /** Take a range of dates and the range of times that goes with it for one range of moments. */
  combinedDateTime?: boolean;
}

/** In the order of their bytes in the Service-class-application-information (PS3.4 Table C.5.1-1). */
const BYTES = ['relationalQueries', 'combinedDateTime'] as const satisfies (keyof QueryExtensions)[];

/** Answers what a peer asks for on the SOP classes of C-FIND: yes to what is supported, no to the rest. */
export function negotiateQueryExtensions(
  asked: readonly ExtendedNegotiation[] | undefined,
  supported: QueryExtensions,
): { items: ExtendedNegotiation[]; agreed: ReadonlyMap<string, QueryExtensions> } {
  const agreed = new Map<string, QueryExtensions>();
  const items = (asked ?? [])
    .filter(({ sopClassUid }) => sopClassUid in FIND_MODELS)
    .map(({ sopClassUid, information }) => {
      const answer = new Uint8Array(information.length);
      const both: QueryExtensions = {};
      BYTES.forEach((name, index) => {
        if (information[index] !== 1 || !supported[name]) return;
        answer[index] = 1;
        both[name] = true;
      });
      agreed.set(sopClassUid, both);
      return { sopClassUid, information: answer };
    });
  return { items, agreed };
}
