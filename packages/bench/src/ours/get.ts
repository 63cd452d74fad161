import { createDimseClient, parseDimseUrl } from '@adit/dimse';

/*
 * get.ts NODE STUDY-INSTANCE-UID: fetches a study by C-GET and forgets it, as `getscu --ignore` does. Prints the seconds
 * from the first connection to the last answer, and how many instances came.
 */
const [url, studyInstanceUid] = process.argv.slice(2);
const started = performance.now();
let instances = 0;
{
  await using client = createDimseClient(parseDimseUrl(url!));
  for await (const instance of client.retrieve({ studyInstanceUid: studyInstanceUid! })) {
    for await (const _chunk of instance.dataset) {
      // Read, so that it counts as taken.
    }
    instances += 1;
  }
}
console.log(JSON.stringify({ seconds: (performance.now() - started) / 1000, instances }));
