import { css } from 'lit';

/**
 * Design tokens. One calm surface, one accent, five states; 4 px grid, 8 px radius, hairlines instead of shadows.
 *
 * Colours follow `color-scheme`, which is inherited through shadow roots: the app sets it from its theme switch, a portal that
 * embeds a single element sets it however it does that already.
 */
export const tokens = css`
  :host {
    --font: system-ui, 'Segoe UI', Roboto, 'Noto Sans', 'Noto Sans CJK JP', sans-serif;
    --mono: ui-monospace, 'SF Mono', 'Cascadia Mono', 'DejaVu Sans Mono', monospace;
    --size-0: 12px;
    --size-1: 14px;
    --size-2: 16px;
    --size-3: 20px;
    --size-4: 28px;
    --space: 4px;
    --radius: 8px;
    --row: 40px;

    --bg: light-dark(#f6f7f8, #0e1317);
    --surface: light-dark(#ffffff, #151c21);
    --raised: light-dark(#ffffff, #1b242a);
    --sunken: light-dark(#eef1f3, #10171b);
    --ink: light-dark(#15202b, #e7edf1);
    --muted: light-dark(#55636f, #98a6b1);
    --line: light-dark(#dde3e7, #27323a);
    --line-strong: light-dark(#b9c3ca, #40505b);
    --accent: light-dark(#0d6579, #58bccf);
    --accent-ink: light-dark(#ffffff, #062229);
    --accent-soft: light-dark(#e1f0f3, #12323a);
    --focus: light-dark(#0d6579, #7fd3e2);
    --ok: light-dark(#17703f, #5cc98c);
    --ok-soft: light-dark(#e3f3ea, #10301f);
    --warn: light-dark(#8a5200, #e7ae57);
    --warn-soft: light-dark(#fdf0dc, #33250d);
    --bad: light-dark(#ab2019, #f28b82);
    --bad-soft: light-dark(#fbe7e5, #3a1a18);
    --run: light-dark(#1f56ad, #85b2f5);
    --run-soft: light-dark(#e5eefb, #152742);
    --wait: light-dark(#55636f, #98a6b1);
    --wait-soft: light-dark(#eceff1, #1f2930);
    --held: light-dark(#65449a, #c0a3ef);
    --held-soft: light-dark(#f0eaf8, #291f3b);
  }
`;
