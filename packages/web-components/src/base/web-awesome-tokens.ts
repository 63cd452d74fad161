import { css, unsafeCSS } from 'lit';

/** A colour family of Web Awesome from one of our colours and its soft partner. */
function family(name: string, strong: string, soft: string, onStrong: string): string {
  return `
    --wa-color-${name}-fill-quiet: ${soft};
    --wa-color-${name}-fill-normal: ${soft};
    --wa-color-${name}-fill-loud: ${strong};
    --wa-color-${name}-border-quiet: ${soft};
    --wa-color-${name}-border-normal: ${strong};
    --wa-color-${name}-border-loud: ${strong};
    --wa-color-${name}-on-quiet: ${strong};
    --wa-color-${name}-on-normal: ${strong};
    --wa-color-${name}-on-loud: ${onStrong};
  `;
}

const families = [
  family('brand', 'var(--accent)', 'var(--accent-soft)', 'var(--accent-ink)'),
  family('success', 'var(--ok)', 'var(--ok-soft)', 'var(--surface)'),
  family('warning', 'var(--warn)', 'var(--warn-soft)', 'var(--surface)'),
  family('danger', 'var(--bad)', 'var(--bad-soft)', 'var(--surface)'),
].join('');

/**
 * What the components of Web Awesome ask for, said in our tokens. It is set on our elements rather than on the document: custom
 * properties reach into shadow roots, and a page that embeds one of our elements keeps its own looks.
 */
export const webAwesomeTokens = css`
  :host {
    ${unsafeCSS(families)}
    --wa-color-neutral-fill-quiet: var(--sunken);
    --wa-color-neutral-fill-normal: var(--sunken);
    --wa-color-neutral-fill-loud: var(--ink);
    --wa-color-neutral-border-quiet: var(--line);
    --wa-color-neutral-border-normal: var(--line-strong);
    --wa-color-neutral-border-loud: var(--line-strong);
    --wa-color-neutral-on-quiet: var(--ink);
    --wa-color-neutral-on-normal: var(--ink);
    --wa-color-neutral-on-loud: var(--surface);
    --wa-color-surface-default: var(--surface);
    --wa-color-surface-raised: var(--raised);
    --wa-color-surface-lowered: var(--sunken);
    --wa-color-surface-border: var(--line-strong);
    --wa-color-text-normal: var(--ink);
    --wa-color-text-quiet: var(--muted);
    --wa-color-text-link: var(--accent);
    --wa-color-focus: var(--focus);
    --wa-color-overlay-modal: rgb(0 0 0 / 0.45);
    --wa-color-mix-hover: var(--ink) 6%;
    --wa-color-mix-active: var(--ink) 12%;

    --wa-font-family-body: var(--font);
    --wa-font-family-heading: var(--font);
    --wa-font-family-code: var(--mono);
    --wa-font-size-2xs: 11px;
    --wa-font-size-xs: var(--size-0);
    --wa-font-size-s: 13px;
    --wa-font-size-m: var(--size-1);
    --wa-font-size-l: var(--size-2);
    --wa-font-size-xl: var(--size-3);
    --wa-font-size-smaller: 12px;
    --wa-font-weight-normal: 400;
    --wa-font-weight-body: 400;
    --wa-font-weight-semibold: 550;
    --wa-font-weight-bold: 620;
    --wa-font-weight-heading: 620;
    --wa-font-weight-action: 550;
    --wa-line-height-condensed: 1.25;
    --wa-line-height-normal: 1.45;

    --wa-space-3xs: 2px;
    --wa-space-2xs: 4px;
    --wa-space-xs: 8px;
    --wa-spacing-xs: 8px;
    --wa-space-s: 12px;
    --wa-space-m: 16px;
    --wa-space-l: 20px;
    --wa-space-xl: 28px;
    --wa-space-2xl: 40px;

    --wa-border-style: solid;
    --wa-border-width-s: 1px;
    --wa-border-width-m: 2px;
    --wa-border-width-l: 3px;
    --wa-border-radius-s: 4px;
    --wa-border-radius-m: var(--radius);
    --wa-border-radius-l: 12px;
    --wa-border-radius-pill: 9999px;
    --wa-border-radius-circle: 50%;
    --wa-focus-ring-style: solid;
    --wa-focus-ring-width: 2px;
    --wa-focus-ring: solid 2px var(--focus);
    --wa-focus-ring-offset: 1px;
    --wa-shadow-s: 0 1px 2px rgb(0 0 0 / 0.08);
    --wa-shadow-m: 0 4px 12px rgb(0 0 0 / 0.12);
    --wa-shadow-l: 0 8px 24px rgb(0 0 0 / 0.16);
    --wa-transition-easing: ease;
    --wa-transition-fast: 75ms;
    --wa-transition-normal: 120ms;
    --wa-transition-slow: 200ms;

    --wa-panel-border-style: solid;
    --wa-panel-border-width: 1px;
    --wa-panel-border-radius: 12px;
    --wa-tooltip-arrow-size: 5px;
    --wa-tooltip-background-color: var(--ink);
    --wa-tooltip-border-color: var(--ink);
    --wa-tooltip-border-radius: 4px;
    --wa-tooltip-border-style: solid;
    --wa-tooltip-border-width: 1px;
    --wa-tooltip-content-color: var(--surface);
    --wa-tooltip-font-size: 12px;
    --wa-tooltip-line-height: 1.4;

    --wa-form-control-activated-color: var(--accent);
    --wa-form-control-background-color: var(--surface);
    --wa-form-control-border-color: var(--line-strong);
    --wa-form-control-border-radius: var(--radius);
    --wa-form-control-border-style: solid;
    --wa-form-control-border-width: 1px;
    --wa-form-control-height: 34px;
    --wa-form-control-padding-block: 7px;
    --wa-form-control-padding-inline: 11px;
    --wa-form-control-label-color: var(--muted);
    --wa-form-control-label-font-weight: 400;
    --wa-form-control-label-line-height: 1.4;
    --wa-form-control-value-color: var(--ink);
    --wa-form-control-value-font-size: var(--size-1);
    --wa-form-control-value-font-weight: 400;
    --wa-form-control-value-line-height: 1.3;
    --wa-form-control-placeholder-color: var(--muted);
    --wa-form-control-hint-color: var(--muted);
    --wa-form-control-hint-font-weight: 400;
    --wa-form-control-hint-line-height: 1.4;
    --wa-form-control-required-content: '';
    --wa-form-control-required-content-color: inherit;
    --wa-form-control-required-content-offset: 0;
    --wa-form-control-toggle-size: 16px;
  }
`;
