/** What a status means for whoever sent the request (PS3.7 §C). */
export type StatusCategory = 'success' | 'pending' | 'cancel' | 'warning' | 'failure';

/** Statuses this package itself answers with. */
export const Status = {
  success: 0x0000,
  cancel: 0xfe00,
  pending: 0xff00,
  /** Pending, and one or more optional keys were not supported for matching (PS3.4 §C.4.1.1.4). */
  pendingOptionalKeys: 0xff01,
  /** Sub-operations complete, one or more failures or warnings (PS3.4 §C.4.3.1.4). */
  subOperationsWarning: 0xb000,
  processingFailure: 0x0110,
  noSuchSopInstance: 0x0112,
  noSuchEventType: 0x0113,
  invalidArgumentValue: 0x0115,
  noSuchSopClass: 0x0118,
  sopClassNotSupported: 0x0122,
  notAuthorized: 0x0124,
  unrecognizedOperation: 0x0211,
  mistypedArgument: 0x0212,
  outOfResources: 0xa700,
  unableToPerformSubOperations: 0xa702,
  moveDestinationUnknown: 0xa801,
  identifierDoesNotMatchSopClass: 0xa900,
  unableToProcess: 0xc000,
} as const;

/** Statuses from one to another, and what they mean. */
export interface StatusEntry {
  from: number;
  to: number;
  category: StatusCategory;
  text: string;
}

function one(status: number, category: StatusCategory, text: string): StatusEntry {
  return { from: status, to: status, category, text };
}

/** Statuses any service may answer with (PS3.7 §C). */
const GENERAL: readonly StatusEntry[] = [
  one(0x0000, 'success', 'success'),
  one(0x0001, 'warning', 'requested optional attributes are not supported'),
  one(0x0105, 'failure', 'no such attribute'),
  one(0x0106, 'failure', 'invalid attribute value'),
  one(0x0107, 'warning', 'attribute list error'),
  one(0x0110, 'failure', 'processing failure'),
  one(0x0111, 'failure', 'duplicate SOP instance'),
  one(0x0112, 'failure', 'no such SOP instance'),
  one(0x0113, 'failure', 'no such event type'),
  one(0x0114, 'failure', 'no such argument'),
  one(0x0115, 'failure', 'invalid argument value'),
  one(0x0116, 'warning', 'attribute value out of range'),
  one(0x0117, 'failure', 'invalid SOP instance'),
  one(0x0118, 'failure', 'no such SOP class'),
  one(0x0119, 'failure', 'class-instance conflict'),
  one(0x0120, 'failure', 'missing attribute'),
  one(0x0121, 'failure', 'missing attribute value'),
  one(0x0122, 'failure', 'SOP class not supported'),
  one(0x0123, 'failure', 'no such action type'),
  one(0x0124, 'failure', 'not authorised'),
  one(0x0131, 'failure', 'duplicate transaction UID'),
  one(0x0210, 'failure', 'duplicate invocation'),
  one(0x0211, 'failure', 'unrecognised operation'),
  one(0x0212, 'failure', 'mistyped argument'),
  one(0x0213, 'failure', 'resource limitation'),
  one(0xfe00, 'cancel', 'cancelled'),
  one(0xff00, 'pending', 'pending'),
  one(0xff01, 'pending', 'pending, optional keys not supported'),
  { from: 0xa000, to: 0xafff, category: 'failure', text: 'refused or failed' },
  { from: 0xb000, to: 0xbfff, category: 'warning', text: 'accepted with a warning' },
  { from: 0xc000, to: 0xcfff, category: 'failure', text: 'unable to process' },
];

/** PS3.4 Table B.2-1. */
const STORAGE: readonly StatusEntry[] = [
  { from: 0xa700, to: 0xa7ff, category: 'failure', text: 'out of resources' },
  { from: 0xa900, to: 0xa9ff, category: 'failure', text: 'data set does not match SOP class' },
  { from: 0xc000, to: 0xcfff, category: 'failure', text: 'cannot understand' },
  one(0xb000, 'warning', 'coercion of data elements'),
  one(0xb006, 'warning', 'elements discarded'),
  one(0xb007, 'warning', 'data set does not match SOP class'),
];

/** PS3.4 Tables C.4-1 (C-FIND), C.4-2 (C-MOVE) and C.4-3 (C-GET). */
const QUERY_RETRIEVE: readonly StatusEntry[] = [
  one(0xa700, 'failure', 'out of resources'),
  one(0xa701, 'failure', 'out of resources: unable to calculate number of matches'),
  one(0xa702, 'failure', 'out of resources: unable to perform sub-operations'),
  one(0xa801, 'failure', 'move destination unknown'),
  one(0xa900, 'failure', 'identifier does not match SOP class'),
  one(0xaa00, 'failure', 'none of the frames requested were found in the SOP instance'),
  one(0xaa01, 'failure', 'unable to create new object for this SOP class'),
  one(0xaa02, 'failure', 'unable to extract frames'),
  one(0xaa03, 'failure', 'time-based request received for a non-time-based original SOP instance'),
  one(0xaa04, 'failure', 'invalid request'),
  one(0xb000, 'warning', 'sub-operations complete, one or more failures or warnings'),
  { from: 0xc000, to: 0xcfff, category: 'failure', text: 'unable to process' },
];

/** Services with statuses of their own. */
export type StatusService = 'storage' | 'query-retrieve';

const BY_SERVICE: Readonly<Record<StatusService, readonly StatusEntry[]>> = {
  storage: [...STORAGE, ...GENERAL],
  'query-retrieve': [...QUERY_RETRIEVE, ...GENERAL],
};

/** The statuses of a service, its own before the general ones. */
export function statusEntries(service: StatusService): readonly StatusEntry[] {
  return BY_SERVICE[service];
}

function entryOf(status: number, service: StatusService | undefined): StatusEntry | undefined {
  const table = service ? BY_SERVICE[service] : GENERAL;
  return table.find((entry) => entry.from <= status && status <= entry.to);
}

/**
 * The category of a status; one that no table has is a failure.
 *
 * @example
 * statusCategory(0xb000, 'storage'); // warning
 */
export function statusCategory(status: number, service?: StatusService): StatusCategory {
  return entryOf(status, service)?.category ?? 'failure';
}

/** Do more responses follow? */
export function isPending(status: number | undefined): boolean {
  return status === Status.pending || status === Status.pendingOptionalKeys;
}

/**
 * A status in words.
 *
 * @example
 * statusText(0xa700, 'storage'); // A700 (out of resources)
 */
export function statusText(status: number, service?: StatusService): string {
  return `${statusHex(status)} (${entryOf(status, service)?.text ?? 'not in the standard'})`;
}

/** A status as the standard writes it: four hexadecimal digits. */
function statusHex(status: number): string {
  return status.toString(16).toUpperCase().padStart(4, '0');
}

/** May the same request succeed later? So it is with the peer's resources (A7xx, 0213). */
export function isRetryableStatus(status: number): boolean {
  return (status >= 0xa700 && status <= 0xa7ff) || status === 0x0213;
}
