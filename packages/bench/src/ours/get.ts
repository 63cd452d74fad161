import { isReleasable } from '@adit/core';
import { createDimseClient, createReceiver, parseDimseUrl } from '@adit/dimse';

/*
 * get.ts NODE STUDY-INSTANCE-UID [RECEIVER-PORT]: fetches a study by C-GET and forgets it, as `getscu --ignore` does; or, with
 * the port of a receiver ADIT_RECEIVER that the node knows, by C-MOVE. Prints the seconds from the first connection to the
 * last answer, and how many instances came.
 */
const [url, studyInstanceUid, receiverPort] = process.argv.slice(2);
await using receiver =
  receiverPort === undefined
    ? undefined
    : await createReceiver({ aeTitle: 'ADIT_RECEIVER', host: '127.0.0.1', port: Number(receiverPort) });
const node = parseDimseUrl(url!);
const started = performance.now();
let instances = 0;
{
  await using client = createDimseClient(receiver ? { ...node, retrieve: 'c-move' } : node, { receiver });
  for await (const instance of client.retrieve({ studyInstanceUid: studyInstanceUid! })) {
    const { dataset } = instance;
    // Read, so that it counts as taken.
    for await (const chunk of dataset) if (isReleasable(dataset)) dataset.release(chunk);
    instances += 1;
  }
}
console.log(JSON.stringify({ seconds: (performance.now() - started) / 1000, instances }));
