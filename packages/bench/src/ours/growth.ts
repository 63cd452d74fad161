import { SopClass, TransferSyntax } from '@adit/core';
import { connect, listen } from '@adit/dimse';

/*
 * growth.ts FIRST LAST: sends so many objects over one association to a server in the same process. Prints by how many
 * bytes heap and external memory have grown from the first of these objects to the last, after collection.
 */
const [first, last] = process.argv.slice(2).map(Number) as [number, number];
const sopClassUid = SopClass.CtImageStorage;
const transferSyntaxUid = TransferSyntax.ExplicitVrLittleEndian;
const chunk = Buffer.alloc(100_000);

await using server = await listen({
  aeTitle: 'ADIT',
  host: '127.0.0.1',
  port: 0,
  handlers: {
    async store({ dataset }) {
      for await (const _chunk of dataset) {
        // Read to its end.
      }
      return 0x0000;
    },
  },
});
const started = performance.now();
await using association = await connect(
  { aeTitle: 'ADIT', host: '127.0.0.1', port: server.port },
  { contexts: [{ abstractSyntax: sopClassUid, transferSyntaxes: [transferSyntaxUid] }] },
);

async function* dataset() {
  yield chunk;
  yield chunk;
}

async function usedMemory(): Promise<number> {
  // What one collection frees may be what frees more; finalizers run between them.
  for (let count = 0; count < 4; count += 1) {
    globalThis.gc?.();
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

let before = 0;
for (let count = 1; count <= last; count += 1) {
  const sopInstanceUid = `2.25.${count}`;
  const outcome = await association.cStore({
    sopClassUid,
    sopInstanceUid,
    transferSyntaxUid,
    dataset: dataset(),
  });
  if (outcome.state !== 'stored') throw new Error(`an object was not stored: ${outcome.message}`);
  if (count === first) before = await usedMemory();
}
const growth = (await usedMemory()) - before;
console.log(JSON.stringify({ seconds: (performance.now() - started) / 1000, growth }));
