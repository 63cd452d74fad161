import { createReadStream } from 'node:fs';
import { relative } from 'node:path';
import { walkFiles } from '@adit/core/node';
import { LeakSearch, scanForLeaks } from '@adit/pseudonymize';
import { readIdentifiersFile } from './identifiers-file.ts';
import { errorSentence, formatBytes, type Output } from './output.ts';

export interface LeaksOptions {
  identifiers: string;
  /** Are pixel data left out? */
  skipPixels?: boolean;
}

/** How the name of a file is told that has an identifier in it. */
const nameless = (number: number) => `file ${number} (its name has an identifier)`;

/**
 * `adit leaks PATH --identifiers F`: looks for identifiers in a file or the files of a folder, DICOM or not, and in their
 * names. Says where which is, by its place in F, and never what it is.
 */
export async function leaksCommand(
  output: Output,
  path: string,
  options: LeaksOptions,
  signal: AbortSignal,
): Promise<boolean> {
  const identifiers = await readIdentifiersFile(options.identifiers);
  const search = new LeakSearch(identifiers);
  let files = 0;
  let withLeaks = 0;
  let leaks = 0;
  let failed = 0;
  let bytes = 0;
  const pixelData = options.skipPixels ? 'skip' : 'search';

  for await (const file of walkFiles(path, { signal })) {
    files++;
    const name = relative(path, file) || file;
    const inName = await scanForLeaks(new TextEncoder().encode(name), search);
    const told = inName.leaks.length > 0 ? nameless(files) : name;
    try {
      const source = createReadStream(file, { highWaterMark: 1024 * 1024, signal });
      const report = await scanForLeaks(source, search, { pixelData });
      bytes += report.bytes;
      const found = [...inName.leaks.map((leak) => ({ ...leak, path: 'its name' })), ...report.leaks];
      for (const { identifier, kind, encoding, offset, path: where } of found) {
        const { place } = identifiers[identifier]!;
        output.event(
          {
            event: 'leak',
            file: told,
            identifier: place,
            kind,
            encoding,
            offset,
            ...(where === undefined ? {} : { path: where }),
          },
          `${told}: identifier ${place} (${kind}) in ${where ?? 'its bytes'} at ${offset}, ${encoding}`,
        );
      }
      if (found.length > 0) withLeaks++;
      leaks += found.length;
    } catch (error) {
      signal.throwIfAborted();
      failed++;
      // What the system says names the file.
      output.remark(told === name ? `${told}: ${errorSentence(error)}` : `${told} cannot be read.`);
    }
  }
  if (files === 0) output.remark('There is no file to search.');
  const ok = files > 0 && leaks === 0 && failed === 0;
  const seconds = output.seconds();
  output.summary(
    {
      ok,
      expected: files,
      instances: files - failed - withLeaks,
      held: withLeaks,
      failed,
      leaks,
      bytes,
      seconds,
    },
    `${ok ? 'Nothing found' : `${leaks} ${leaks === 1 ? 'place' : 'places'} found in ${withLeaks} files`}: ` +
      `${files - failed} of ${files} files searched (${formatBytes(bytes)}) in ${seconds.toFixed(1)} s.`,
  );
  return ok;
}
