import { SopClass, TransferSyntax } from '@adit/core';
import { createDimseSink, parseDimseUrl } from '@adit/dimse';

/* store-generated.ts NODE MEGABYTES: sends one object that is made as it is sent. Prints the seconds it took. */
const [url, megabytes] = process.argv.slice(2);
const started = performance.now();
{
  await using sink = createDimseSink(parseDimseUrl(url!));
  const outcome = await sink.store({
    sopClassUid: SopClass.CtImageStorage,
    sopInstanceUid: '2.25.1',
    transferSyntaxUid: TransferSyntax.ExplicitVrLittleEndian,
    dataset: (async function* () {
      for (let count = 0; count < Number(megabytes); count += 1) yield Buffer.alloc(1_000_000);
    })(),
  });
  if (outcome.state !== 'stored') throw new Error(`the object was not stored: ${outcome.message}`);
}
console.log(JSON.stringify({ seconds: (performance.now() - started) / 1000 }));
