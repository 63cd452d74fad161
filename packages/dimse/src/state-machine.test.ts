import { describe, expect, test } from 'vitest';
import {
  type Action,
  type AssociationEvent,
  actionFor,
  Sta,
  type State,
  stateAfter,
} from './state-machine.ts';

const STATES = Array.from({ length: 13 }, (_, index) => (index + 1) as State);
const EVENTS = Array.from({ length: 19 }, (_, index) => (index + 1) as AssociationEvent);
const FROM_STA5 = [5, 6, 7, 8, 9, 10, 11, 12];

/** PS3.8 Table 9-10, read the other way: for each event, which states lead to which action. All others are empty. */
const EXPECTED: Record<number, Partial<Record<Action, number[]>>> = {
  1: { 'AE-1': [1] },
  2: { 'AE-2': [4] },
  3: { 'AA-1': [2], 'AE-3': [5], 'AA-8': [3, 6, 7, 8, 9, 10, 11, 12], 'AA-6': [13] },
  4: { 'AA-1': [2], 'AE-4': [5], 'AA-8': [3, 6, 7, 8, 9, 10, 11, 12], 'AA-6': [13] },
  5: { 'AE-5': [1] },
  6: { 'AE-6': [2], 'AA-8': [3, ...FROM_STA5], 'AA-7': [13] },
  7: { 'AE-7': [3] },
  8: { 'AE-8': [3] },
  9: { 'DT-1': [6], 'AR-7': [8] },
  10: { 'AA-1': [2], 'DT-2': [6], 'AR-6': [7], 'AA-8': [3, 5, 8, 9, 10, 11, 12], 'AA-6': [13] },
  11: { 'AR-1': [6] },
  12: { 'AA-1': [2], 'AR-2': [6], 'AR-8': [7], 'AA-8': [3, 5, 8, 9, 10, 11, 12], 'AA-6': [13] },
  13: { 'AA-1': [2], 'AR-3': [7, 11], 'AR-10': [10], 'AA-8': [3, 5, 6, 8, 9, 12], 'AA-6': [13] },
  14: { 'AR-4': [8, 12], 'AR-9': [9] },
  15: { 'AA-1': [3, ...FROM_STA5], 'AA-2': [4] },
  16: { 'AA-2': [2, 13], 'AA-3': [3, ...FROM_STA5] },
  17: { 'AA-5': [2], 'AA-4': [3, 4, ...FROM_STA5], 'AR-5': [13] },
  18: { 'AA-2': [2, 13] },
  19: { 'AA-1': [2], 'AA-8': [3, ...FROM_STA5], 'AA-7': [13] },
};

describe.each(EVENTS)('event %i', (event) => {
  test.each(STATES)('in state %i', (state) => {
    const expected = Object.entries(EXPECTED[event]!).find(([, states]) => states.includes(state))?.[0];
    expect(actionFor(state, event)).toBe(expected);
  });
});

const ordinary = { acceptable: true, requestor: true };

/** PS3.8 Tables 9-6 to 9-9. */
test.each<[Action, State]>([
  ['AE-1', 4],
  ['AE-2', 5],
  ['AE-3', 6],
  ['AE-4', 1],
  ['AE-5', 2],
  ['AE-6', 3],
  ['AE-7', 6],
  ['AE-8', 13],
  ['DT-1', 6],
  ['DT-2', 6],
  ['AR-1', 7],
  ['AR-2', 8],
  ['AR-3', 1],
  ['AR-4', 13],
  ['AR-5', 1],
  ['AR-6', 7],
  ['AR-7', 8],
  ['AR-8', 9],
  ['AR-9', 11],
  ['AR-10', 12],
  ['AA-1', 13],
  ['AA-2', 1],
  ['AA-3', 1],
  ['AA-4', 1],
  ['AA-5', 1],
  ['AA-6', 13],
  ['AA-7', 13],
  ['AA-8', 13],
])('%s leads to state %i', (action, state) => {
  expect(stateAfter(action, ordinary)).toBe(state);
});

test('a request the provider rejects itself leads to Sta13', () => {
  expect(stateAfter('AE-6', { ...ordinary, acceptable: false })).toBe(Sta.awaitingTransportClose);
});

test('a release collision leads the acceptor to Sta10', () => {
  expect(stateAfter('AR-8', { ...ordinary, requestor: false })).toBe(Sta.collisionAcceptorAwaitingReleaseRp);
});
