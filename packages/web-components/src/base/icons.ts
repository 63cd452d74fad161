import { html, type TemplateResult } from 'lit';

/** Paths of our own line icons, drawn on a 24 px grid. */
const PATHS = {
  search: 'M10.5 4a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13zM20 20l-4.6-4.6',
  jobs: 'M5 6h14M5 12h14M5 18h9',
  nodes: 'M4 5h16v5H4zM4 14h16v5H4zM7.5 7.5h.01M7.5 16.5h.01',
  menu: 'M4 6h16M4 12h16M4 18h16',
  close: 'M6 6l12 12M18 6 6 18',
  chevron: 'M9 6l6 6-6 6',
  check: 'M5 12.5 10 17.5 19 7',
  play: 'M8 5v14l10-7z',
  alert: 'M12 5v9M12 18.5v.01',
  cross: 'M6 6l12 12M18 6 6 18',
  pause: 'M8 5v14M16 5v14',
  clock: 'M12 7v5.5l3.5 2M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18z',
  stop: 'M7 7h10v10H7z',
  sun: 'M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM12 2.5v2M12 19.5v2M2.5 12h2M19.5 12h2M5.3 5.3l1.4 1.4M17.3 17.3l1.4 1.4M5.3 18.7l1.4-1.4M17.3 6.7l1.4-1.4',
  moon: 'M20 14.5A8.5 8.5 0 0 1 9.5 4a8.5 8.5 0 1 0 10.5 10.5z',
  refresh: 'M20 12a8 8 0 1 1-2.4-5.7M20 4v4.5h-4.5',
  plus: 'M12 5v14M5 12h14',
  more: 'M6 11.5v1M12 11.5v1M18 11.5v1',
  arrow: 'M4 12h16M14 6l6 6-6 6',
  user: 'M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM4.5 20c1-4 4-5.5 7.5-5.5s6.5 1.5 7.5 5.5',
} as const;

export type IconName = keyof typeof PATHS;

/** An icon that says nothing alone: there is always a word beside it or an accessible name around it. */
export function icon(name: IconName, size = 16): TemplateResult {
  return html`<svg
    class="icon"
    width=${size}
    height=${size}
    viewBox="0 0 24 24"
    fill="none"
    stroke="currentColor"
    stroke-width="1.8"
    stroke-linecap="round"
    stroke-linejoin="round"
    aria-hidden="true"
  >
    <path d=${PATHS[name]}></path>
  </svg>`;
}
