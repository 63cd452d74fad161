/** States of an association (PS3.8 §9.2.1, Tables 9-1 to 9-5). */
export type State = 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9 | 10 | 11 | 12 | 13;

export const Sta = {
  idle: 1,
  awaitingAssociateRq: 2,
  awaitingLocalAssociateResponse: 3,
  awaitingTransport: 4,
  awaitingAssociateAnswer: 5,
  established: 6,
  awaitingReleaseRp: 7,
  awaitingLocalReleaseResponse: 8,
  collisionRequestorAwaitingLocalResponse: 9,
  collisionAcceptorAwaitingReleaseRp: 10,
  collisionRequestorAwaitingReleaseRp: 11,
  collisionAcceptorAwaitingLocalResponse: 12,
  awaitingTransportClose: 13,
} as const satisfies Record<string, State>;

/** Events (PS3.8 Table 9-10). */
export type AssociationEvent =
  | 1
  | 2
  | 3
  | 4
  | 5
  | 6
  | 7
  | 8
  | 9
  | 10
  | 11
  | 12
  | 13
  | 14
  | 15
  | 16
  | 17
  | 18
  | 19;

export const Evt = {
  associateRequest: 1,
  transportConfirmed: 2,
  associateAcReceived: 3,
  associateRjReceived: 4,
  transportIndicated: 5,
  associateRqReceived: 6,
  associateResponseAccept: 7,
  associateResponseReject: 8,
  dataRequest: 9,
  dataReceived: 10,
  releaseRequest: 11,
  releaseRqReceived: 12,
  releaseRpReceived: 13,
  releaseResponse: 14,
  abortRequest: 15,
  abortReceived: 16,
  transportClosed: 17,
  artimExpired: 18,
  invalidPduReceived: 19,
} as const satisfies Record<string, AssociationEvent>;

/** Actions (PS3.8 Tables 9-6 to 9-9). */
export type Action =
  | 'AE-1'
  | 'AE-2'
  | 'AE-3'
  | 'AE-4'
  | 'AE-5'
  | 'AE-6'
  | 'AE-7'
  | 'AE-8'
  | 'DT-1'
  | 'DT-2'
  | 'AR-1'
  | 'AR-2'
  | 'AR-3'
  | 'AR-4'
  | 'AR-5'
  | 'AR-6'
  | 'AR-7'
  | 'AR-8'
  | 'AR-9'
  | 'AR-10'
  | 'AA-1'
  | 'AA-2'
  | 'AA-3'
  | 'AA-4'
  | 'AA-5'
  | 'AA-6'
  | 'AA-7'
  | 'AA-8';

/** The state each action leads to. AE-6 and AR-8 have a second one: see `stateAfter`. */
const NEXT_STATE: Readonly<Record<Action, State>> = {
  'AE-1': 4,
  'AE-2': 5,
  'AE-3': 6,
  'AE-4': 1,
  'AE-5': 2,
  'AE-6': 3,
  'AE-7': 6,
  'AE-8': 13,
  'DT-1': 6,
  'DT-2': 6,
  'AR-1': 7,
  'AR-2': 8,
  'AR-3': 1,
  'AR-4': 13,
  'AR-5': 1,
  'AR-6': 7,
  'AR-7': 8,
  'AR-8': 9,
  'AR-9': 11,
  'AR-10': 12,
  'AA-1': 13,
  'AA-2': 1,
  'AA-3': 1,
  'AA-4': 1,
  'AA-5': 1,
  'AA-6': 13,
  'AA-7': 13,
  'AA-8': 13,
};

/** Table 9-10: one line for each event, one column for each state; `-` where the event cannot happen. */
const TABLE = `
  Evt  Sta1 Sta2 Sta3 Sta4 Sta5 Sta6 Sta7 Sta8 Sta9 Sta10 Sta11 Sta12 Sta13
  1    AE-1 -    -    -    -    -    -    -    -    -     -     -     -
  2    -    -    -    AE-2 -    -    -    -    -    -     -     -     -
  3    -    AA-1 AA-8 -    AE-3 AA-8 AA-8 AA-8 AA-8 AA-8  AA-8  AA-8  AA-6
  4    -    AA-1 AA-8 -    AE-4 AA-8 AA-8 AA-8 AA-8 AA-8  AA-8  AA-8  AA-6
  5    AE-5 -    -    -    -    -    -    -    -    -     -     -     -
  6    -    AE-6 AA-8 -    AA-8 AA-8 AA-8 AA-8 AA-8 AA-8  AA-8  AA-8  AA-7
  7    -    -    AE-7 -    -    -    -    -    -    -     -     -     -
  8    -    -    AE-8 -    -    -    -    -    -    -     -     -     -
  9    -    -    -    -    -    DT-1 -    AR-7 -    -     -     -     -
  10   -    AA-1 AA-8 -    AA-8 DT-2 AR-6 AA-8 AA-8 AA-8  AA-8  AA-8  AA-6
  11   -    -    -    -    -    AR-1 -    -    -    -     -     -     -
  12   -    AA-1 AA-8 -    AA-8 AR-2 AR-8 AA-8 AA-8 AA-8  AA-8  AA-8  AA-6
  13   -    AA-1 AA-8 -    AA-8 AA-8 AR-3 AA-8 AA-8 AR-10 AR-3  AA-8  AA-6
  14   -    -    -    -    -    -    -    AR-4 AR-9 -     -     AR-4  -
  15   -    -    AA-1 AA-2 AA-1 AA-1 AA-1 AA-1 AA-1 AA-1  AA-1  AA-1  -
  16   -    AA-2 AA-3 -    AA-3 AA-3 AA-3 AA-3 AA-3 AA-3  AA-3  AA-3  AA-2
  17   -    AA-5 AA-4 AA-4 AA-4 AA-4 AA-4 AA-4 AA-4 AA-4  AA-4  AA-4  AR-5
  18   -    AA-2 -    -    -    -    -    -    -    -     -     -     AA-2
  19   -    AA-1 AA-8 -    AA-8 AA-8 AA-8 AA-8 AA-8 AA-8  AA-8  AA-8  AA-7
`;

const TRANSITIONS: readonly (readonly (Action | undefined)[])[] = TABLE.trim()
  .split('\n')
  .map((line) =>
    line
      .trim()
      .split(/\s+/)
      .map((cell) => (cell in NEXT_STATE ? (cell as Action) : undefined)),
  );

/** What an event asks for in a state, or undefined where PS3.8 Table 9-10 leaves the cell empty. */
export function actionFor(state: State, event: AssociationEvent): Action | undefined {
  return TRANSITIONS[event]![state];
}

/** Facts that decide where AE-6 and AR-8 lead. */
export interface Circumstances {
  /** AE-6: the service provider itself accepts the request; else it has sent A-ASSOCIATE-RJ. */
  acceptable: boolean;
  /** AR-8: this side opened the association. */
  requestor: boolean;
}

/** The state after an action (PS3.8 Tables 9-6 to 9-9). */
export function stateAfter(action: Action, circumstances: Circumstances): State {
  if (action === 'AE-6' && !circumstances.acceptable) return Sta.awaitingTransportClose;
  if (action === 'AR-8' && !circumstances.requestor) return Sta.collisionAcceptorAwaitingReleaseRp;
  return NEXT_STATE[action];
}
