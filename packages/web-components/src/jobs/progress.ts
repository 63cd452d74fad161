import type { InstanceCounts } from '@adit/client';
import { css, html, svg, type TemplateResult } from 'lit';

/** Parts of the bar, in their order. */
const PARTS = ['ok', 'warn', 'skip', 'bad', 'held'] as const;

/**
 * Shares of all expected instances by what became of them, in percent. What a canceled job did not transfer is no failure:
 * its part stays empty.
 */
export function sharesOf(counts: InstanceCounts, canceled = false): Record<(typeof PARTS)[number], number> {
  const done = counts.stored + counts.skipped + counts.failed + counts.held;
  const total = Math.max(counts.expected ?? done, done, 1);
  const percent = (value: number) => (100 * value) / total;
  return {
    ok: percent(counts.stored - counts.warnings),
    warn: percent(counts.warnings),
    skip: percent(counts.skipped),
    bad: canceled ? 0 : percent(counts.failed),
    held: percent(counts.held),
  };
}

export const progressStyles = css`
  .split {
    display: block;
    width: 100%;
    height: 10px;
    border-radius: 5px;
    background: var(--sunken);
  }
  .split .ok {
    fill: var(--ok);
  }
  .split .warn {
    fill: var(--warn);
  }
  .split .skip {
    fill: var(--line-strong);
  }
  .split .bad {
    fill: var(--bad);
  }
  .split .held {
    fill: var(--held);
  }
`;

/** A bar that says by length and order what the numbers beside it say. */
export function progressBar(counts: InstanceCounts, label: string, canceled = false): TemplateResult {
  const shares = sharesOf(counts, canceled);
  let done = 0;
  const parts = PARTS.map((part) => {
    const from = done;
    done += shares[part];
    return shares[part] > 0
      ? svg`<rect class=${part} x="${from}%" width="${shares[part]}%" height="100%"></rect>`
      : '';
  });
  return html`<svg
    class="split"
    role="progressbar"
    aria-label=${label}
    aria-valuemin="0"
    aria-valuemax="100"
    aria-valuenow=${Math.floor(done)}
  >
    ${parts}
  </svg>`;
}
