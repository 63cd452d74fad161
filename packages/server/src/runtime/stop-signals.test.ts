import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it, onTestFinished } from 'vitest';

/** A program that says when it is told to stop, and then takes its time. */
async function slowProgram() {
  const program = `
    import { stopOnSignals } from ${JSON.stringify(import.meta.resolve('./stop-signals.ts'))};
    stopOnSignals().addEventListener('abort', () => console.log('stopping'));
    setInterval(() => {}, 1000);
    console.log('ready');`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  expect(await said(child)).toBe('ready\n');
  return child;
}

async function said(child: ChildProcess): Promise<string> {
  const [chunk] = await once(child.stdout!, 'data');
  return String(chunk);
}

describe('stopOnSignals', () => {
  it.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)('is told by %s', async (name) => {
    const child = await slowProgram();
    child.kill(name);
    expect(await said(child)).toBe('stopping\n');
  });

  it('takes the same Ctrl-C that comes twice for one, and a later one for impatience', async () => {
    const child = await slowProgram();
    child.kill('SIGINT');
    expect(await said(child)).toBe('stopping\n');
    child.kill('SIGINT');
    child.kill('SIGTERM');
    await sleep(1_100);
    expect(child.exitCode).toBeNull();
    child.kill('SIGINT');
    expect((await once(child, 'exit'))[0]).toBe(130);
  });
});
