import { parseArgs } from 'node:util';
import {
  type Attributes,
  attributesFrom,
  type DicomInstance,
  encodeDataset,
  peekHeader,
  textOf,
} from '@adit/core';
import { syntheticInstance } from '@adit/core/synthetic';
import { type DimseServer, listen, type ScpHandlers } from '@adit/dimse';

/*
 * made-up-archives.ts --instances N --megabytes N: two SCPs in one process, neither with a disk. SOURCE serves a study of so
 * many instances of that size, made while they are sent; DESTINATION counts what it is sent, and knows it again when it is
 * searched. Prints the study and both ports, and serves until it is stopped.
 */
const { values } = parseArgs({
  options: { instances: { type: 'string' }, megabytes: { type: 'string' } },
});
const count = Number(values.instances);
const pixelBytes = Math.round(Number(values.megabytes) * 1e6);

const template = syntheticInstance({ kind: 'CT', rows: 16, columns: 16 });
const studyInstanceUid = textOf(template.attributes, 'StudyInstanceUID')!;
const seriesInstanceUid = textOf(template.attributes, 'SeriesInstanceUID')!;
const sopInstanceUidOf = (index: number) => `${seriesInstanceUid.slice(0, 50)}.${index + 1}`;
/** Pixels that were sent are sent again. */
const block = Buffer.alloc(256 * 1024, 0x5a);

/** Rows and Columns do not fit the length: nobody on the way looks. */
function instanceOf(index: number): DicomInstance {
  const sopInstanceUid = sopInstanceUidOf(index);
  const attributes = {
    ...template.attributes,
    ...attributesFrom({ SOPInstanceUID: sopInstanceUid, InstanceNumber: index + 1 }),
  };
  const header = encodeDataset(attributes, template);
  // (7FE0,0010) OW with a 32-bit length.
  const pixelHead = Buffer.from('e07f10004f57000000000000', 'hex');
  pixelHead.writeUInt32LE(pixelBytes, 8);
  return {
    ...{ sopClassUid: template.sopClassUid, sopInstanceUid, transferSyntaxUid: template.transferSyntaxUid },
    byteLength: header.length + pixelHead.length + pixelBytes,
    dataset: (async function* () {
      yield header;
      yield pixelHead;
      for (let left = pixelBytes; left > 0; left -= block.length) yield block.subarray(0, left);
    })(),
  };
}

/** Answers searches for one study of one series, whatever else is asked. */
function findIn(
  study: () => { study: string; series: string; instances: Iterable<string> },
): NonNullable<ScpHandlers['find']> {
  return async function* ({ level }) {
    const { study: studyUid, series, instances } = study();
    const keys = { StudyInstanceUID: studyUid, SOPClassesInStudy: template.sopClassUid };
    if (level === 'STUDY') yield attributesFrom(keys);
    if (level === 'SERIES') yield attributesFrom({ ...keys, SeriesInstanceUID: series, Modality: 'CT' });
    if (level !== 'IMAGE') return;
    for (const sopInstanceUid of instances) {
      yield attributesFrom({
        ...{ StudyInstanceUID: studyUid, SeriesInstanceUID: series },
        ...{ SOPClassUID: template.sopClassUid, SOPInstanceUID: sopInstanceUid },
      }) as Attributes;
    }
  };
}

function serve(aeTitle: string, handlers: ScpHandlers): Promise<DimseServer> {
  return listen({ aeTitle, host: '127.0.0.1', port: 0, handlers });
}

await using source = await serve('SOURCE', {
  find: findIn(() => ({
    study: studyInstanceUid,
    series: seriesInstanceUid,
    instances: Array.from({ length: count }, (_, index) => sopInstanceUidOf(index)),
  })),
  get: () => ({
    count,
    instances: (async function* () {
      for (let index = 0; index < count; index += 1) yield instanceOf(index);
    })(),
  }),
});

const stored = { study: '', series: '', instances: new Set<string>() };
await using destination = await serve('DESTINATION', {
  find: findIn(() => stored),
  async store(request) {
    const { attributes, instance } = await peekHeader(request, [0x0020000d, 0x0020000e]);
    stored.study = textOf(attributes, 'StudyInstanceUID') ?? '';
    stored.series = textOf(attributes, 'SeriesInstanceUID') ?? '';
    for await (const _chunk of instance.dataset) {
      // Read, so that it counts as stored.
    }
    stored.instances.add(instance.sopInstanceUid);
    return 0x0000;
  },
});
console.log(JSON.stringify({ studyInstanceUid, source: source.port, destination: destination.port }));
await new Promise<void>((resolve) => process.once('SIGTERM', () => resolve()));
