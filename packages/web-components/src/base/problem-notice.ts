import { html, nothing, type TemplateResult } from 'lit';
import '@awesome.me/webawesome/dist/components/button/button.js';
import { icon } from './icons.ts';

/** What went wrong, with a button that tries again; nothing while there is no trouble. */
export function problemNotice(
  problem: string | undefined,
  tryAgain: () => unknown,
): TemplateResult | typeof nothing {
  if (!problem) return nothing;
  return html`<p class="notice bad" role="alert">
    ${icon('alert')}<span class="grow">${problem}</span>
    <wa-button appearance="outlined" size="s" @click=${tryAgain}>Try again</wa-button>
  </p>`;
}
