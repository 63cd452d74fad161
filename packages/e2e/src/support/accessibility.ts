import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import type { Page } from 'playwright-core';

/** One rule a page breaks, and where. */
export interface AccessibilityViolation {
  rule: string;
  help: string;
  elements: string[];
}

const axePath = createRequire(import.meta.url).resolve('axe-core/axe.min.js');

interface AxeWindow {
  axe: {
    run(): Promise<{ violations: { id: string; help: string; nodes: { target: unknown[] }[] }[] }>;
  };
}

/** Everything axe-core objects to on a page as it stands, shadow roots included. */
export async function accessibilityViolations(page: Page): Promise<AccessibilityViolation[]> {
  // Evaluated, not added as a script: the server's Content-Security-Policy allows its own scripts only.
  await page.evaluate(await readFile(axePath, 'utf8'));
  return page.evaluate(async () => {
    // Text that is still fading in has too little contrast for a moment.
    const finite = document
      .getAnimations()
      .filter(({ effect }) => effect?.getTiming().iterations !== Infinity);
    await Promise.allSettled(finite.map(({ finished }) => finished));
    const { violations } = await (globalThis as unknown as AxeWindow).axe.run();
    return violations.map(({ id, help, nodes }) => ({
      rule: id,
      help,
      elements: nodes.map(({ target }) => JSON.stringify(target)),
    }));
  });
}
