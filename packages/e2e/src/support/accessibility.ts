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
    run(): Promise<{
      violations: { id: string; help: string; nodes: { target: unknown[]; failureSummary?: string }[] }[];
    }>;
  };
}

/** Everything axe-core objects to on a page as it stands, shadow roots included. */
export async function accessibilityViolations(page: Page): Promise<AccessibilityViolation[]> {
  // Evaluated, not added as a script: the server's Content-Security-Policy allows its own scripts only.
  await page.evaluate(await readFile(axePath, 'utf8'));
  return page.evaluate(async () => {
    // Text that is still fading in has too little contrast for a moment; what fades in may begin a moment later.
    for (let quietFrames = 0; quietFrames < 5; quietFrames += 1) {
      await new Promise(requestAnimationFrame);
      const moving = document
        .getAnimations()
        .filter(
          ({ playState, effect }) => playState === 'running' && effect?.getTiming().iterations !== Infinity,
        );
      if (moving.length > 0) {
        await Promise.allSettled(moving.map(({ finished }) => finished));
        quietFrames = 0;
      }
    }
    const { violations } = await (globalThis as unknown as AxeWindow).axe.run();
    return violations.map(({ id, help, nodes }) => ({
      rule: id,
      help,
      elements: nodes.map(({ target, failureSummary }) => `${JSON.stringify(target)}: ${failureSummary}`),
    }));
  });
}
