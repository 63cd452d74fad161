import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createTempFolder, launchChromium } from '@adit/e2e/support';
import { build } from 'tsup';

let bundle: Promise<string> | undefined;

/** Instances a second in Chromium; undefined where that is not installed. */
export async function measureInChromium(
  files: readonly Uint8Array[],
  seconds: number,
): Promise<number | undefined> {
  if (!existsSync(process.env.ADIT_CHROMIUM ?? '/usr/bin/chromium')) return undefined;
  bundle ??= bundled();
  const browser = await launchChromium();
  try {
    const page = await browser.newPage();
    await page.addScriptTag({ content: await bundle });
    const data = files.map((bytes) => Buffer.from(bytes).toString('base64'));
    return await page.evaluate(measure, { data, seconds });
  } finally {
    await browser.close();
  }
}

/** The package as an application would bundle it. */
async function bundled(): Promise<string> {
  await using folder = await createTempFolder('adit-bench');
  await build({
    entry: { pseudonymize: fileURLToPath(new URL('../../pseudonymize/src/index.ts', import.meta.url)) },
    outDir: folder.path,
    config: false,
    format: 'iife',
    globalName: 'pseudonymize',
    platform: 'browser',
    target: 'es2024',
    noExternal: [/.*/],
    silent: true,
    dts: false,
    esbuildOptions: (options) => {
      options.conditions = ['@adit/source'];
    },
  });
  return await readFile(join(folder.path, 'pseudonymize.global.js'), 'utf8');
}

/** Runs in the page, which has the bundle. */
async function measure({ data, seconds }: { data: string[]; seconds: number }): Promise<number> {
  const { pseudonymize } = globalThis as unknown as {
    pseudonymize: typeof import('@adit/pseudonymize');
  };
  const files = data.map((base64) => Uint8Array.from(atob(base64), (character) => character.charCodeAt(0)));
  const pseudonymizer = pseudonymize.createPseudonymizer({ key: new Uint8Array(32), pseudonym: 'P1' });
  async function* once(bytes: Uint8Array) {
    yield bytes;
  }
  async function run(seconds: number): Promise<number> {
    const started = performance.now();
    let count = 0;
    while (performance.now() - started < seconds * 1000) {
      for (const bytes of files) for await (const _ of pseudonymizer.pseudonymizePart10(once(bytes)));
      count += files.length;
    }
    return (count / (performance.now() - started)) * 1000;
  }
  await run(seconds);
  return run(seconds);
}
