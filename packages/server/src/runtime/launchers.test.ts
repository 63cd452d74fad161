import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it, onTestFinished } from 'vitest';
import { commandLineOf, identifyProcess, parentOf } from './process-identity.ts';

/**
 * The processes of `npx pnpm start`, as far as their names go: npx, its shell, pnpm, its shell, a start script, and the
 * program, which tells its launchers and then when one of them has ended.
 */
async function startChain({
  channel = true,
} = {}): Promise<{ lines: AsyncIterator<string>; program: number; launchers: number[] }> {
  const folder = mkdtempSync(join(tmpdir(), 'adit-test-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const launchers = import.meta.resolve('./launchers.ts');
  const files = {
    'npx-cli.js': `run('/bin/sh', ['-c', 'node=$1; shift; "$node" "$@"; true', 'sh', process.execPath, file('pnpm.cjs')]);`,
    'pnpm.cjs': `run('/bin/sh', ['-c', 'node=$1; shift; "$node" "$@"; true', 'sh', process.execPath, file('start.cjs')]);`,
    'start.cjs': `run(process.execPath, [file('program.mjs')], ${channel ? "['inherit', 'inherit', 'inherit', 'ipc']" : "'inherit'"});`,
  };
  for (const [name, code] of Object.entries(files)) {
    writeFileSync(
      join(folder, name),
      `const run = (command, args, stdio = 'inherit') => require('node:child_process').spawn(command, args, { stdio });
       const file = (name) => require('node:path').join(__dirname, name);
       ${code}`,
    );
  }
  writeFileSync(
    join(folder, 'program.mjs'),
    `import { findLaunchers, launchersEnded } from ${JSON.stringify(launchers)};
     setInterval(() => {}, 1000);
     launchersEnded().addEventListener('abort', () => { console.log('ended'); process.exit(); });
     const found = findLaunchers();
     console.log(JSON.stringify({ program: process.pid, launchers: found.map(({ pid }) => pid) }));`,
  );
  const npx = spawn(process.execPath, [join(folder, 'npx-cli.js')], {
    stdio: ['ignore', 'pipe', 'ignore'], // shells remark on killed children
    detached: true,
  });
  onTestFinished(() => killGroup(npx));
  const lines = createInterface({ input: npx.stdout })[Symbol.asyncIterator]();
  return { lines, ...JSON.parse((await lines.next()).value!) };
}

function killGroup(child: ChildProcess): void {
  try {
    process.kill(-child.pid!, 'SIGKILL');
  } catch {
    // All have ended.
  }
}

describe('launchersEnded', () => {
  it('goes up to npx, and not beyond', async () => {
    const { program, launchers } = await startChain();
    expect(launchers.map((pid) => commandLineOf(pid).find((word) => /\.c?js$|^-c$/.test(word)))).toEqual([
      expect.stringContaining('start.cjs'),
      '-c',
      expect.stringContaining('pnpm.cjs'),
      '-c',
      expect.stringContaining('npx-cli.js'),
    ]);
    expect(launchers[0]).toBe(parentOf(program));
    expect(launchers).not.toContain(process.pid);
  });

  it.each([
    [0, 'start script'],
    [1, "pnpm's shell"],
    [2, 'pnpm'],
    [3, "npx's shell"],
    [4, 'npx'],
  ])('notices the end of launcher %i, %s', async (index) => {
    const { lines, launchers } = await startChain();
    process.kill(launchers[index]!, 'SIGKILL');
    expect((await lines.next()).value).toBe('ended');
  });

  it('leaves a process alone whose parent has opened no channel to it', async () => {
    const { program, launchers } = await startChain({ channel: false });
    // From npx's shell inwards: what is left of a launcher ends by itself when what it has started is killed.
    for (const launcher of launchers.slice(0, -1).reverse()) process.kill(launcher, 'SIGKILL');
    await sleep(1_500);
    expect(identifyProcess(program)).toBeDefined();
  });
});
