import type { JobState, Reason, TaskState } from '@adit/client';
import { html, type TemplateResult } from 'lit';
import { type IconName, icon } from './icons.ts';

/** How a state looks: never by colour alone, always icon, word and colour. */
const LOOKS: Record<JobState | TaskState, { tone: string; icon: IconName; word: string }> = {
  pending: { tone: 'wait', icon: 'clock', word: 'Waiting' },
  running: { tone: 'run', icon: 'play', word: 'Running' },
  canceling: { tone: 'wait', icon: 'stop', word: 'Canceling' },
  canceled: { tone: 'wait', icon: 'stop', word: 'Canceled' },
  success: { tone: 'ok', icon: 'check', word: 'Done' },
  warning: { tone: 'warn', icon: 'alert', word: 'With remarks' },
  failure: { tone: 'bad', icon: 'cross', word: 'Failed' },
};

export function stateChip(state: JobState | TaskState): TemplateResult {
  const look = LOOKS[state];
  return html`<span class="chip ${look.tone}">${icon(look.icon, 12)}${look.word}</span>`;
}

export function stateWord(state: JobState | TaskState): string {
  return LOOKS[state].word;
}

const OUTCOMES: Record<Reason['outcome'], { tone: string; icon: IconName; word: string }> = {
  failed: { tone: 'bad', icon: 'cross', word: 'failed' },
  held: { tone: 'held', icon: 'pause', word: 'held back' },
  warning: { tone: 'warn', icon: 'alert', word: 'with remarks' },
  skipped: { tone: 'wait', icon: 'check', word: 'skipped' },
};

export function outcomeChip(outcome: Reason['outcome'], count: string): TemplateResult {
  const look = OUTCOMES[outcome];
  return html`<span class="chip ${look.tone}">${icon(look.icon, 12)}${count} ${look.word}</span>`;
}
