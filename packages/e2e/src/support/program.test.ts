import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { mustRun, runProgram, startProgram } from './program.ts';

test('gives what a program said and how it ended', async () => {
  const result = await runProgram('sh', ['-c', 'echo out; echo err >&2; exit 3']);
  expect(result).toEqual({ status: 3, stdout: 'out\n', stderr: 'err\n' });
});

test('ends a program that takes too long', async () => {
  const { status } = await runProgram('sleep', ['60'], { timeout: 50 });
  expect(status).toBeUndefined();
});

test('throws with what the program said when it must succeed and does not', async () => {
  await expect(mustRun('sh', ['-c', 'echo no such patient >&2; exit 1'])).rejects.toThrow(
    'sh ended with 1: no such patient',
  );
});

test('ends a program that ignores the request to end', async () => {
  const program = startProgram('sh', ['-c', 'trap "" TERM; echo ready; while :; do sleep 0.1; done']);
  while (!program.output().includes('ready')) {
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  const { status } = await program.stop(100);
  expect(status).toBeUndefined();
});

test('a program does not outlive a process that is killed', async () => {
  const module = JSON.stringify(`${import.meta.dirname}/program.ts`);
  const code = `
    const { startProgram } = await import(${module});
    const program = startProgram('sh', ['-c', 'echo ready; exec sleep 600']);
    while (program.output() === '') await new Promise((resolve) => setTimeout(resolve, 10));
    console.log(program.pid);
  `;
  const parent = spawn(process.execPath, ['--input-type=module', '-e', code], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = await once(parent.stdout.setEncoding('utf8'), 'data');
  const pid = Number(line);
  expect(isAlive(pid)).toBe(true);
  parent.kill('SIGKILL');
  await once(parent, 'close');
  await expect.poll(() => isAlive(pid), { timeout: 10_000 }).toBe(false);
});

/** A dead process that nobody has asked about yet (state Z) is dead. */
function isAlive(pid: number): boolean {
  try {
    return !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}
