import type { InstanceCounts } from '@adit/client';
import { css, html, type TemplateResult } from 'lit';
import { styleMap } from 'lit/directives/style-map.js';

/** Parts of the bar, in their order. */
const PARTS = ['ok', 'warn', 'skip', 'bad', 'held'] as const;

/** Shares of all expected instances by what became of them, in percent. */
export function sharesOf(counts: InstanceCounts): Record<(typeof PARTS)[number], number> {
  const done = counts.stored + counts.skipped + counts.failed + counts.held;
  const total = Math.max(counts.expected ?? done, done, 1);
  const percent = (value: number) => (100 * value) / total;
  return {
    ok: percent(counts.stored - counts.warnings),
    warn: percent(counts.warnings),
    skip: percent(counts.skipped),
    bad: percent(counts.failed),
    held: percent(counts.held),
  };
}

export const progressStyles = css`
  .split {
    display: flex;
    height: 10px;
    border-radius: 5px;
    overflow: hidden;
    background: var(--sunken);
    gap: 1px;
  }
  .split i {
    display: block;
    transition: width 0.3s;
  }
  .split .ok {
    background: var(--ok);
  }
  .split .warn {
    background: var(--warn);
  }
  .split .skip {
    background: var(--line-strong);
  }
  .split .bad {
    background: var(--bad);
  }
  .split .held {
    background: var(--held);
  }
`;

/** A bar that says by length and order what the numbers beside it say. */
export function progressBar(counts: InstanceCounts, label: string): TemplateResult {
  const shares = sharesOf(counts);
  const done = PARTS.reduce((sum, part) => sum + shares[part], 0);
  return html`<div
    class="split"
    role="progressbar"
    aria-label=${label}
    aria-valuemin="0"
    aria-valuemax="100"
    aria-valuenow=${Math.floor(done)}
  >
    ${PARTS.map((part) => (shares[part] > 0 ? html`<i class=${part} style=${styleMap({ width: `${shares[part]}%` })}></i>` : ''))}
  </div>`;
}
