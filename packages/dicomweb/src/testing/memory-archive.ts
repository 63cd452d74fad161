import {
  type Attributes,
  attributesFrom,
  type DicomInstance,
  type InstanceSink,
  type InstanceSource,
  matches,
  oneReader,
  peekHeader,
  type Queryable,
  retrieval,
  type StoreOutcome,
  Tags,
  textOf,
} from '@adit/core';
import { collect } from './bytes.ts';

interface Kept {
  attributes: Attributes;
  instance: Omit<DicomInstance, 'dataset'>;
  bytes: Uint8Array;
}

/** An archive in memory that can be searched, retrieved from and stored to. */
export interface MemoryArchive extends Queryable, InstanceSource, InstanceSink {
  readonly kept: Map<string, Kept>;
  /** How many bytes of data sets were read. */
  readonly bytesRead: number;
  /** Says otherwise what becomes of an instance. */
  outcomeOf?: (sopInstanceUid: string) => StoreOutcome | Error | undefined;
}

const CHUNK = 65_536;

export function createMemoryArchive(): MemoryArchive {
  const kept = new Map<string, Kept>();
  let bytesRead = 0;
  const uid = ({ attributes }: Kept, tag: number) => textOf(attributes, tag) ?? '';
  const archive: MemoryArchive = {
    kept,
    get bytesRead() {
      return bytesRead;
    },
    concurrency: 4,
    async *find(query) {
      const tag = {
        PATIENT: Tags.PatientID,
        STUDY: Tags.StudyInstanceUID,
        SERIES: Tags.SeriesInstanceUID,
        IMAGE: Tags.SOPInstanceUID,
      }[query.level];
      const given = new Set<string>();
      let left = query.limit ?? Number.POSITIVE_INFINITY;
      for (const one of kept.values()) {
        const identity = uid(one, tag);
        if (left <= 0 || given.has(identity) || !matches(one.attributes, query)) continue;
        given.add(identity);
        left -= 1;
        const { '7FE00010': _pixels, ...attributes } = one.attributes;
        yield { ...attributes, ...attributesFrom({ QueryRetrieveLevel: query.level }) };
      }
    },
    retrieve(selection, options = {}) {
      return retrieval(options, async function* (context) {
        const wanted = selection.sopInstanceUids && new Set(selection.sopInstanceUids);
        for (const one of kept.values()) {
          context.signal.throwIfAborted();
          if (uid(one, Tags.StudyInstanceUID) !== selection.studyInstanceUid) continue;
          const series = selection.seriesInstanceUids;
          if (series && !series.includes(uid(one, Tags.SeriesInstanceUID))) continue;
          if (wanted && !wanted.delete(one.instance.sopInstanceUid)) continue;
          async function* dataset() {
            for (let at = 0; at < one.bytes.length; at += CHUNK) {
              const chunk = one.bytes.subarray(at, at + CHUNK);
              bytesRead += chunk.length;
              yield chunk;
            }
          }
          const reader = oneReader(dataset(), () => new Error('not read in time'));
          context.onReader(reader);
          yield { ...one.instance, dataset: reader.dataset };
          await reader.settled();
        }
        for (const sopInstanceUid of wanted ?? []) {
          options.onFailure?.({ sopInstanceUid, message: 'It is not here.', retryable: false });
        }
      });
    },
    async store(given) {
      const said = archive.outcomeOf?.(given.sopInstanceUid);
      const { attributes, instance } = await peekHeader(given, Tags.PixelData);
      const bytes = await collect(instance.dataset);
      if (said instanceof Error) throw said;
      if (said?.state === 'failed') return said;
      const { dataset: _, ...rest } = instance;
      kept.set(instance.sopInstanceUid, {
        attributes,
        instance: { ...rest, byteLength: bytes.length },
        bytes,
      });
      return said ?? { state: 'stored' };
    },
  };
  return archive;
}
