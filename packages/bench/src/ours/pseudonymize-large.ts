import { createHash } from 'node:crypto';
import type { DicomInstance } from '@adit/core';
import { syntheticInstance } from '@adit/core/synthetic';
import { createPseudonymizer } from '@adit/pseudonymize';

/*
 * pseudonymize-large.ts MEGABYTES [hash]: pseudonymizes one multi-frame object of so many megabytes whose pixels are made as they
 * are read, and hashes them. Prints the seconds it took and by how many bytes the process grew meanwhile.
 */
const megabytes = Number(process.argv[2]);
const pseudonymizer = createPseudonymizer({
  key: new Uint8Array(32),
  pseudonym: 'P1',
  ...(process.argv[3] === 'hash' ? { createHash: () => createHash('sha256') } : {}),
});

const block = new Uint8Array(1024 * 1024);

/** A small object's header, with as many bytes of pixel data behind it as wanted (PS3.5 §7.1.2: length of 32 bits). */
async function instanceOf(megabytes: number): Promise<DicomInstance> {
  const small = syntheticInstance({ kind: 'US-multi-frame', rows: 16, columns: 16, frames: 1 });
  const parts: Uint8Array[] = [];
  for await (const chunk of small.dataset) parts.push(chunk);
  const bytes = Buffer.concat(parts);
  const at = bytes.lastIndexOf(Uint8Array.of(0xe0, 0x7f, 0x10, 0x00));
  const header = bytes.subarray(0, at + 12);
  header.writeUInt32LE(megabytes * block.length, at + 8);
  async function* dataset() {
    yield header;
    for (let sent = 0; sent < megabytes; sent += 1) yield block;
  }
  const { sopClassUid, sopInstanceUid, transferSyntaxUid } = small;
  return { sopClassUid, sopInstanceUid, transferSyntaxUid, dataset: dataset() };
}

async function run(megabytes: number): Promise<{ seconds: number; peak: number }> {
  const { dataset, report } = pseudonymizer.transform(await instanceOf(megabytes));
  const started = performance.now();
  let bytes = 0;
  let seen = 0;
  let peak = 0;
  for await (const chunk of dataset) {
    bytes += chunk.length;
    if (bytes - seen < 16 * block.length) continue;
    seen = bytes;
    peak = Math.max(peak, process.memoryUsage.rss());
  }
  if (bytes < megabytes * block.length) throw new Error('Pixel data were lost.');
  if (process.argv[3] === 'hash' && report.pixelData?.length !== 1) throw new Error('They were not hashed.');
  return { seconds: (performance.now() - started) / 1000, peak };
}

await run(64);
const before = process.memoryUsage.rss();
const { seconds, peak } = await run(megabytes);
console.log(JSON.stringify({ seconds, growthBytes: Math.max(0, peak - before) }));
