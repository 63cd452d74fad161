import { SopClass, TransferSyntax } from '@adit/core';
import { connect, listen } from '@adit/dimse';

/*
 * associations.ts COUNT AT-ONCE: opens and releases associations with a server in the same process, asking for an echo on
 * each. Prints how many were refused or failed, and how many sockets and timers there are afterwards beyond those before.
 */
const [count, atOnce] = process.argv.slice(2).map(Number) as [number, number];
const contexts = [
  { abstractSyntax: SopClass.Verification, transferSyntaxes: [TransferSyntax.ImplicitVrLittleEndian] },
];
const server = await listen({ aeTitle: 'ADIT', host: '127.0.0.1', port: 0, handlers: {} });
const node = { aeTitle: 'ADIT', host: '127.0.0.1', port: server.port, connectAttempts: 1 };

/** Sockets and timers of this process, those that do not keep it alive not counted. */
const resources = () =>
  process.getActiveResourcesInfo().filter((name) => /TCP|Timeout|Connect|Write/.test(name)).length;

const started = performance.now();
const before = resources();
const waiting = Array(count).keys();
let refused = 0;
await Promise.all(
  Array.from({ length: atOnce }, async () => {
    for (const _one of waiting) {
      try {
        await using association = await connect(node, { contexts });
        await association.cEcho();
      } catch {
        refused += 1;
      }
    }
  }),
);
const seconds = (performance.now() - started) / 1000;
// The peer's end of a connection closes a moment later.
for (let tries = 0; tries < 50 && resources() > before; tries += 1) {
  await new Promise((resolve) => setTimeout(resolve, 20));
}
const left = resources() - before;
await server.close();
console.log(JSON.stringify({ seconds, refused, left }));
