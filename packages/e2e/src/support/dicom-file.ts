import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { mustRun } from './program.ts';
import { createTempFolder } from './temp-folder.ts';

/*
 * Reads DICOM files with DCMTK and by hand, so that what our own packages wrote is not judged by our own packages.
 */

/** One text value of a data set, at any depth. */
export interface TextValue {
  /** `gggg,eeee` */
  tag: string;
  vr: string;
  /** Its bytes, each as one character: whatever the character set, equal texts are equal here. */
  text: string;
}

/** All values of a file that are text (`dcmdump`), those of nested and private elements too. */
export async function textValuesOf(file: string): Promise<TextValue[]> {
  const dump = await mustRun('dcmdump', ['--quiet', '--print-all', '--no-uid-names', file], {
    encoding: 'latin1',
  });
  return dump.split('\n').flatMap((line) => {
    // `  (0010,0010) PN [Yamada^Tarou]    #  12, 1 PatientName`
    const match = /^\s*\(([0-9a-f]{4},[0-9a-f]{4})\) ([A-Z]{2}) \[(.*)\]\s*#/.exec(line);
    if (!match) {
      return [];
    }
    const [, tag, vr, text] = match as unknown as [string, string, string, string];
    return text.split('\\').map((value) => ({ tag, vr, text: value.trim() }));
  });
}

/**
 * The bytes of the data set of a Part 10 file: what follows the preamble, `DICM` and the file meta information, whose
 * length stands in its first element (PS3.10 §7.1).
 */
export function dataSetOf(file: Uint8Array): Uint8Array {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const magic = new TextDecoder('latin1').decode(file.subarray(128, 132));
  // (0002,0000) UL, two bytes of length, then the value.
  if (magic !== 'DICM' || view.getUint32(132, true) !== 0x00000002) {
    throw new Error('no Part 10 file');
  }
  const metaLength = view.getUint32(140, true);
  return file.subarray(144 + metaLength);
}

/** SHA-256 of each piece of pixel data of a file (frames or fragments as DCMTK splits them); empty without pixels. */
export async function pixelDigestsOf(file: string): Promise<string[]> {
  await using folder = await createTempFolder('pixels');
  await mustRun('dcmdump', ['+W', folder.path, file]);
  const names = (await readdir(folder.path)).sort();
  return await Promise.all(
    names.map(async (name) =>
      createHash('sha256')
        .update(await readFile(join(folder.path, name)))
        .digest('hex'),
    ),
  );
}
