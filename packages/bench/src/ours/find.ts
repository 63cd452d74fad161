import { createDimseClient, parseDimseUrl } from '@adit/dimse';

/*
 * find.ts NODE LIMIT KEY…: searches for instances. Prints the seconds from the first connection to the end, and how many
 * matches came.
 */
const [url, limit, ...keys] = process.argv.slice(2);
const started = performance.now();
let matches = 0;
{
  await using client = createDimseClient(parseDimseUrl(url!));
  const query = {
    level: 'IMAGE',
    keys: Object.fromEntries(keys.map((key) => [key, ''])),
    limit: Number(limit),
  } as const;
  for await (const _match of client.find(query)) matches += 1;
}
console.log(JSON.stringify({ seconds: (performance.now() - started) / 1000, matches }));
