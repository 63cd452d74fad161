import { css } from 'lit';

/** What all screens look like: typography, cards, tables, fields, buttons, chips. Built on the tokens alone. */
export const styles = css`
  *,
  *::before,
  *::after {
    box-sizing: border-box;
  }
  :host {
    display: block;
    font: var(--size-1) / 20px var(--font);
    font-variant-numeric: tabular-nums;
    color: var(--ink);
  }
  :host([hidden]),
  [hidden] {
    display: none !important;
  }
  h1 {
    font-size: var(--size-3);
    line-height: 28px;
    font-weight: 620;
    margin: 0;
  }
  h2 {
    font-size: var(--size-1);
    font-weight: 620;
    margin: 0;
  }
  p {
    margin: 0;
  }
  a {
    color: var(--accent);
    text-decoration: none;
  }
  a:hover {
    text-decoration: underline;
  }
  :focus-visible {
    outline: 2px solid var(--focus);
    outline-offset: 2px;
    border-radius: 4px;
  }
  .muted {
    color: var(--muted);
  }
  .mono {
    font-family: var(--mono);
    font-size: 12.5px;
  }
  .num {
    text-align: right;
  }
  .grow {
    flex: 1;
  }
  .icon {
    flex: none;
  }
  wa-input::part(form-control-label),
  wa-select::part(form-control-label) {
    font-size: var(--size-0);
    margin-block-end: 4px;
  }
  .visually-hidden,
  .bare::part(form-control-label),
  .bare::part(label) {
    position: absolute;
    width: 1px;
    height: 1px;
    overflow: hidden;
    clip-path: inset(50%);
    white-space: nowrap;
  }
  .head {
    display: flex;
    align-items: center;
    gap: 12px;
    flex-wrap: wrap;
    margin-bottom: 16px;
    min-height: 36px;
  }
  .card {
    background: var(--surface);
    border: 1px solid var(--line);
    border-radius: var(--radius);
    overflow: hidden;
  }
  .scroll {
    overflow-x: auto;
    /* Holds the labels for screen readers, which would else widen the page. */
    position: relative;
  }
  table {
    width: 100%;
    border-collapse: collapse;
  }
  th {
    text-align: left;
    font-weight: 550;
    font-size: var(--size-0);
    color: var(--muted);
    padding: 8px 12px;
    white-space: nowrap;
  }
  th.num {
    text-align: right;
  }
  tbody td {
    padding: 0 12px;
    height: var(--row);
    border-top: 1px solid var(--line);
    white-space: nowrap;
  }
  .mod {
    display: inline-block;
    font: 600 11px/14px var(--font);
    letter-spacing: 0.04em;
    padding: 2px 6px;
    border-radius: 4px;
    background: var(--sunken);
    border: 1px solid var(--line);
    color: var(--muted);
    margin-right: 4px;
  }
  .chip {
    display: inline-flex;
    gap: 6px;
    align-items: center;
    height: 24px;
    padding: 0 9px;
    border-radius: 12px;
    font-size: var(--size-0);
    font-weight: 600;
    white-space: nowrap;
  }
  .chip.ok {
    color: var(--ok);
    background: var(--ok-soft);
  }
  .chip.warn {
    color: var(--warn);
    background: var(--warn-soft);
  }
  .chip.bad {
    color: var(--bad);
    background: var(--bad-soft);
  }
  .chip.run {
    color: var(--run);
    background: var(--run-soft);
  }
  .chip.wait {
    color: var(--wait);
    background: var(--wait-soft);
  }
  .chip.held {
    color: var(--held);
    background: var(--held-soft);
  }
  .notice {
    display: flex;
    gap: 10px;
    align-items: center;
    padding: 10px 14px;
    border-radius: var(--radius);
    margin-bottom: 16px;
    background: var(--run-soft);
    color: var(--run);
  }
  .notice.bad {
    background: var(--bad-soft);
    color: var(--bad);
  }
  .notice.warn {
    background: var(--warn-soft);
    color: var(--warn);
  }
  .lost {
    position: sticky;
    bottom: 12px;
    z-index: 4;
  }
  .lost .notice {
    margin: 16px 0 0;
    border: 1px solid currentColor;
  }
  .empty {
    padding: 40px 24px;
    text-align: center;
    color: var(--muted);
  }
  .empty :is(h1, h2) {
    font-size: var(--size-1);
    line-height: 20px;
    color: var(--ink);
    margin-bottom: 4px;
  }
  .empty wa-button {
    margin-top: 16px;
  }
  .icon-button {
    display: inline-grid;
    place-items: center;
    width: 28px;
    height: 28px;
    border: 0;
    border-radius: 6px;
    background: none;
    color: var(--muted);
    cursor: pointer;
  }
  .icon-button .icon {
    transition: transform 120ms;
  }
  .icon-button:hover {
    background: var(--sunken);
    color: var(--ink);
  }
  .skeleton {
    display: inline-block;
    height: 12px;
    width: 60%;
    border-radius: 4px;
    background: var(--sunken);
  }
  input[type='checkbox'] {
    width: 16px;
    height: 16px;
    margin: 0;
    accent-color: var(--accent);
    vertical-align: middle;
  }
  @media (prefers-reduced-motion: reduce) {
    * {
      animation: none !important;
      transition: none !important;
    }
  }
`;
