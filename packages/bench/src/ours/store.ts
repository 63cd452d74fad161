import { readDicomFile, walkFiles } from '@adit/core/node';
import { createDimseSink, parseDimseUrl } from '@adit/dimse';

/*
 * store.ts NODE FOLDER: sends the files of a folder over one association, as storescu does. Prints the seconds from the
 * first connection to the last answer.
 */
const [url, folder] = process.argv.slice(2);
const files: string[] = [];
for await (const file of walkFiles(folder!)) {
  files.push(file);
}
const started = performance.now();
{
  await using sink = createDimseSink(parseDimseUrl(url!), { maxAssociations: 1 });
  const waiting = files.values();
  await Promise.all(
    Array.from({ length: sink.concurrency }, async () => {
      const readNext = () => {
        const { done, value } = waiting.next();
        return done ? undefined : readDicomFile(value, { tags: [] });
      };
      let ahead = readNext();
      while (ahead) {
        const file = await ahead;
        // The next header is read while this object is sent.
        ahead = readNext();
        const outcome = await sink.store(file);
        if (outcome.state !== 'stored') {
          throw new Error(`an instance was not stored: ${outcome.message}`);
        }
      }
    }),
  );
}
console.log(JSON.stringify({ seconds: (performance.now() - started) / 1000 }));
