import { type Browser, type BrowserContextOptions, chromium } from 'playwright-core';

/**
 * Starts Debian's Chromium without a window. It talks to nobody but the pages under test: its own look-ups in the
 * background are off. So is its sandbox, which root and many containers cannot have, and our own pages do not need.
 */
export async function launchChromium(): Promise<Browser> {
  return chromium.launch({
    executablePath: process.env.ADIT_CHROMIUM ?? '/usr/bin/chromium',
    headless: true,
    chromiumSandbox: false,
    args: [
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
}

export type { Browser, BrowserContextOptions };
