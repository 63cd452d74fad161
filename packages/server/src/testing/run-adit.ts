import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';

const main = fileURLToPath(new URL('../cli/main.ts', import.meta.url));

/** Runs `adit … --json` of the sources as a program of its own. */
export async function runAdit(args: readonly string[], options: { env?: NodeJS.ProcessEnv } = {}) {
  const child = spawn(process.execPath, ['--conditions=@adit/source', main, ...args, '--json'], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...options.env },
  });
  const [stdout, stderr, [status]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'close') as Promise<[number]>,
  ]);
  const lines = stdout.trim().split('\n');
  const events = lines.filter(Boolean).map((line) => JSON.parse(line) as Record<string, unknown>);
  return { status, stderr, events, summary: events.at(-1) };
}
