import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { type Attributes, type Query, textOf, textsOf } from '@adit/core';
import { syntheticStudy } from '@adit/core/synthetic';
import { createDimseClient, openArchive } from '@adit/dimse';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { demoStudies } from './demo-studies.ts';
import { type DemoNode, startDemoNodes } from './start-demo-nodes.ts';

const run = promisify(execFile);

let dataDirectory: string;

async function makeDataDirectory(): Promise<void> {
  dataDirectory = await mkdtemp(join(tmpdir(), 'adit-demo-'));
}

async function removeDataDirectory(): Promise<void> {
  await rm(dataDirectory, { recursive: true });
}

async function find(node: DemoNode, query: Query): Promise<Attributes[]> {
  await using client = createDimseClient(node);
  const answers: Attributes[] = [];
  for await (const answer of client.find(query)) answers.push(answer);
  return answers;
}

async function filesIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
}

async function timesOfChange(folder: string): Promise<Record<string, number>> {
  const files = await filesIn(folder);
  return Object.fromEntries(await Promise.all(files.map(async (path) => [path, (await stat(path)).mtimeMs])));
}

/** A process that starts the demo, and prints a line when it is done. Disposing of it kills it. */
function startInProcess(...shell: readonly string[]) {
  const script = `
    import { startDemoNodes } from ${JSON.stringify(fileURLToPath(new URL('start-demo-nodes.ts', import.meta.url)))};
    await startDemoNodes({ dataDirectory: process.argv[1] }).then(
      () => console.log('started'),
      (error) => { console.log(error.code); process.exit(1); },
    );
  `;
  const node = [process.execPath, '--conditions=@adit/source', '--input-type=module', '-e', script];
  const [command, ...args] = [...shell, ...node, dataDirectory];
  const child = spawn(command!, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const exited = once(child, 'exit');
  return {
    output: child.stdout.toArray(),
    exited,
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL');
      await exited;
    },
  };
}

/** Reads everything back and compares it, byte for byte, with what is to be generated. */
async function expectComplete(): Promise<void> {
  const state = JSON.parse(await readFile(join(dataDirectory, 'demo', 'demo.json'), 'utf8'));
  const expected = demoStudies(state.firstDay).flatMap(syntheticStudy);
  const archive = await openArchive(join(dataDirectory, 'demo', 'DEMO_A'));
  expect(archive.size).toBe(expected.length);
  for (const { sopInstanceUid, byteLength } of expected) {
    const [stored] = archive.select({ sopInstanceUids: new Set([sopInstanceUid]) });
    expect(stored?.byteLength).toBe(byteLength);
  }
}

describe('startDemoNodes', () => {
  // Filled once: what follows the first test begins where that ends.
  beforeAll(makeDataDirectory);
  afterAll(removeDataDirectory);

  it('serves generated studies of several people at Demo A and nothing at Demo B', async () => {
    await using demo = await startDemoNodes({ dataDirectory });
    const [a, b] = demo.nodes;
    expect([a!.aeTitle, b!.aeTitle]).toEqual(['DEMO_A', 'DEMO_B']);
    expect(await find(b!, { level: 'STUDY', keys: {} })).toEqual([]);

    const patients = await find(a!, { level: 'PATIENT', keys: { PatientBirthDate: '' } });
    expect(patients.length).toBeGreaterThanOrEqual(6);
    const names = patients.map((answer) => textOf(answer, 'PatientName'));
    expect(names).toContain('Müller^Jörg');
    expect(names).toContain('Yamada^Tarou=山田^太郎=やまだ^たろう');
    expect(patients.some((answer) => textOf(answer, 'PatientBirthDate') === undefined)).toBe(true);

    const studies = await find(a!, { level: 'STUDY', keys: { ModalitiesInStudy: '', StudyTime: '' } });
    expect(studies.length).toBeGreaterThanOrEqual(12);
    expect(studies.some((answer) => textOf(answer, 'StudyTime') === undefined)).toBe(true);
    const modalities = new Set(studies.flatMap((answer) => textsOf(answer, 'ModalitiesInStudy')));
    expect([...modalities].sort()).toEqual(['CT', 'MR', 'OT', 'SR', 'US']);
    const accessionNumbers = studies.map((answer) => textOf(answer, 'AccessionNumber'));
    expect(new Set(accessionNumbers).size).toBe(studies.length);

    // Each search by a name finds its people, whatever their character set.
    const byName = (name: string) => find(a!, { level: 'PATIENT', keys: { PatientName: name } });
    expect(await byName('müller^jörg')).toHaveLength(2);
    expect(await byName('山田*')).toHaveLength(1);
    expect(await byName('Wiśn*')).toHaveLength(1);
    expect(await byName('Παπαδ*')).toHaveLength(1);
    await expectComplete();
  });

  it('makes objects that dciodvfy finds no error in', async () => {
    await using _demo = await startDemoNodes({ dataDirectory });
    const bySeries = Map.groupBy(await filesIn(join(dataDirectory, 'demo', 'DEMO_A')), dirname);
    expect(bySeries.size).toBeGreaterThan(20);
    for (const [path] of bySeries.values()) {
      const { stderr } = await run('dciodvfy', [path!]).catch((error: { stderr: string }) => error);
      expect(stderr.split('\n').filter((line) => /error/i.test(line))).toEqual([]);
    }
  });

  it('keeps data and ports over a restart', async () => {
    const first = await startDemoNodes({ dataDirectory });
    await first.close();
    const before = await timesOfChange(join(dataDirectory, 'demo', 'DEMO_A'));
    await using second = await startDemoNodes({ dataDirectory });
    expect(second.nodes).toEqual(first.nodes);
    expect(await timesOfChange(join(dataDirectory, 'demo', 'DEMO_A'))).toEqual(before);
  });

  it('takes another port when somebody else has its own, and keeps that', async () => {
    const first = await startDemoNodes({ dataDirectory });
    await first.close();
    const port = first.nodes[0]!.port;
    const other = createServer().listen(port, '127.0.0.1');
    await once(other, 'listening');
    try {
      const second = await startDemoNodes({ dataDirectory });
      await second.close();
      expect(second.nodes[0]!.port).not.toBe(port);
      expect(second.nodes[1]!.port).toBe(first.nodes[1]!.port);
      await using third = await startDemoNodes({ dataDirectory });
      expect(third.nodes).toEqual(second.nodes);
      // A port that was asked for is not exchanged for another.
      const asked = startDemoNodes({ dataDirectory: join(dataDirectory, 'other'), ports: { DEMO_B: port } });
      await expect(asked).rejects.toMatchObject({ code: 'LISTEN' });
    } finally {
      other.close();
    }
  });
});

describe('startDemoNodes on an interrupted or impossible first run', () => {
  beforeEach(makeDataDirectory);
  afterEach(removeDataDirectory);

  it('completes a generation that was killed', async () => {
    const folder = join(dataDirectory, 'demo', 'DEMO_A');
    {
      await using _killed = startInProcess();
      await expect
        .poll(async () => (await filesIn(folder).catch(() => [])).length, { interval: 5, timeout: 20_000 })
        .toBeGreaterThan(20);
    }
    const state = JSON.parse(await readFile(join(dataDirectory, 'demo', 'demo.json'), 'utf8'));
    expect(state.filled).toBe(false);

    await using _demo = await startDemoNodes({ dataDirectory });
    await expectComplete();
  });

  it('stops when it is told to, and goes on the next time', async () => {
    const stopped = startDemoNodes({ dataDirectory, signal: AbortSignal.abort() });
    await expect(stopped).rejects.toMatchObject({ name: 'AbortError' });
    await using _demo = await startDemoNodes({ dataDirectory });
    await expectComplete();
  });

  it('says so when the disk has no room for the studies', async () => {
    // No file may be larger than 256 KiB.
    await using limited = startInProcess('sh', '-c', 'ulimit -f 512; exec "$@"', 'sh');
    await limited.exited;
    expect(String(await limited.output).trim()).toBe('DEMO_FILL');
  });

  it('refuses a state file it cannot read, rather than starting anew', async () => {
    const demo = await startDemoNodes({ dataDirectory, signal: AbortSignal.abort() }).catch(() => undefined);
    expect(demo).toBeUndefined();
    await writeFile(join(dataDirectory, 'demo', 'demo.json'), '{"firstDay":');
    await expect(startDemoNodes({ dataDirectory })).rejects.toMatchObject({ code: 'DEMO_STATE' });
  });
});
