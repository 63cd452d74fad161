import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { commandLineOf, identifyProcess, isRunning, parentOf } from './process-identity.ts';

describe('identifyProcess', () => {
  it('knows a process while it lives', async () => {
    const child = spawn('sleep', ['1000']);
    const identity = identifyProcess(child.pid!)!;
    expect(identity.pid).toBe(child.pid);
    expect(isRunning(identity)).toBe(true);
    expect(parentOf(child.pid!)).toBe(process.pid);
    expect(commandLineOf(child.pid!)).toEqual(['sleep', '1000']);
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect(isRunning(identity)).toBe(false);
    expect(identifyProcess(child.pid!)).toBeUndefined();
    expect(parentOf(child.pid!)).toBeUndefined();
    expect(commandLineOf(child.pid!)).toEqual([]);
  });

  it('tells a process from an earlier one with its number', () => {
    const self = identifyProcess(process.pid)!;
    expect(isRunning(self)).toBe(true);
    expect(isRunning({ ...self, started: `${self.started}0` })).toBe(false);
  });

  it('takes a process that has ended and waits for its parent for ended', async () => {
    // The shell turns into a sleep that never collects its child.
    const parent = spawn('sh', ['-c', 'true & echo $!; exec sleep 1000'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [line] = await once(parent.stdout, 'data');
    const zombie = Number(String(line));
    try {
      while (identifyProcess(zombie)) await new Promise((resolve) => setTimeout(resolve, 10));
      expect(parentOf(zombie)).toBeUndefined();
    } finally {
      parent.kill('SIGKILL');
    }
  });
});
