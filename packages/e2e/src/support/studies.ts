import { createWriteStream } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { type DicomInstance, TransferSyntax, writePart10 } from '@adit/core';
import { type DcmtkPeer, storescu } from './dcmtk.ts';

/** storescu's option that proposes a transfer syntax; the uncompressed ones it proposes by itself. */
const proposals: Readonly<Record<string, string>> = {
  [TransferSyntax.DeflatedExplicitVrLittleEndian]: '--propose-deflated',
  [TransferSyntax.RleLossless]: '--propose-rle',
};

/** Writes instances as files `1.dcm`, `2.dcm`, … into a folder and gives their paths. */
export async function writeInstances(folder: string, instances: Iterable<DicomInstance>): Promise<string[]> {
  await mkdir(folder, { recursive: true });
  const files: string[] = [];
  for (const instance of instances) {
    const file = join(folder, `${files.length + 1}.dcm`);
    await pipeline(Readable.from(writePart10(instance)), createWriteStream(file));
    files.push(file);
  }
  return files;
}

/** Loads a peer with generated instances by storescu, each in its own transfer syntax; `folder` keeps their files. */
export async function loadInstances(
  peer: DcmtkPeer,
  folder: string,
  instances: Iterable<DicomInstance>,
): Promise<void> {
  const bySyntax = Map.groupBy(instances, ({ transferSyntaxUid }) => transferSyntaxUid);
  for (const [syntax, group] of bySyntax) {
    const files = await writeInstances(join(folder, syntax), group);
    const proposal = proposals[syntax];
    await storescu(peer, files, { args: proposal ? [proposal] : [] });
  }
}
