import { textOf } from '../data/attribute-access.ts';
import { Tags } from '../data/tags.ts';
import { DicomError } from '../errors.ts';
import type { AbortableOptions, Queryable } from '../query/types.ts';
import { oneReader } from '../transfer/one-reader.ts';
import { type RetrievalContext, retrieval } from '../transfer/retrieval.ts';
import type { DicomInstance, InstanceSource, RetrieveFailure, Selection } from '../transfer/types.ts';
import {
  type FileIndex,
  type FileStorage,
  type IndexedInstance,
  readFileIndex,
  type SkippedFile,
} from './file-index.ts';
import { searchFiles } from './file-search.ts';

export interface FileSourceOptions {
  /** Called for each file that holds no instance, cannot be read, or holds an instance another file has. */
  onSkipped?: (file: SkippedFile) => void;
}

/**
 * Makes a source of files, wherever they lie. Their headers are read when the source is first used.
 *
 * Throws `DicomError`: what listing the files throws; `STUDY_NOT_FOUND`.
 */
export function fileSource<File>(
  storage: FileStorage<File>,
  options: FileSourceOptions,
): Queryable & InstanceSource {
  let reading: Promise<FileIndex<File>> | undefined;
  const indexOf = (abortable: AbortableOptions): Promise<FileIndex<File>> => {
    if (reading === undefined) {
      reading = readFileIndex(storage, options.onSkipped ?? (() => {}), abortable);
      // What went wrong may be mended before the next call.
      reading.catch(() => {
        reading = undefined;
      });
    }
    return reading;
  };
  return {
    async *find(query, abortable = {}) {
      yield* searchFiles(storage, await indexOf(abortable), query, abortable);
    },
    retrieve(selection, retrieveOptions = {}) {
      const onFailure = retrieveOptions.onFailure ?? (() => {});
      return retrieval(retrieveOptions, async function* (context) {
        const chosen = choose(storage, await indexOf(context), selection, onFailure);
        for (const instance of chosen) yield* give(storage, instance, context);
      });
    },
  };
}

function choose<File>(
  { name }: FileStorage<File>,
  index: FileIndex<File>,
  selection: Selection,
  onFailure: (failure: RetrieveFailure) => void,
): IndexedInstance<File>[] {
  const study = index.get(selection.studyInstanceUid);
  if (study === undefined) {
    throw new DicomError('STUDY_NOT_FOUND', `${name} does not hold the study: check its Study Instance UID.`);
  }
  const { seriesInstanceUids, sopInstanceUids, excludeModalities = [] } = selection;
  const wanted = sopInstanceUids && new Set(sopInstanceUids);
  const chosen: IndexedInstance<File>[] = [];
  for (const [uid, series] of study.series) {
    if (seriesInstanceUids && !seriesInstanceUids.includes(uid)) continue;
    if (excludeModalities.includes(textOf(series.attributes, Tags.Modality) ?? '')) continue;
    for (const instance of series.instances.values()) {
      if (!wanted || wanted.delete(instance.sopInstanceUid)) chosen.push(instance);
    }
  }
  for (const sopInstanceUid of wanted ?? []) {
    onFailure({ sopInstanceUid, message: `${name} does not hold the instance.`, retryable: false });
  }
  return chosen;
}

async function* give<File>(
  storage: FileStorage<File>,
  instance: IndexedInstance<File>,
  { signal, onReader }: RetrievalContext,
): AsyncGenerator<DicomInstance, void, undefined> {
  signal.throwIfAborted();
  const { file, sopClassUid, sopInstanceUid, transferSyntaxUid, byteLength } = instance;
  const bytes = readable(storage, storage.datasetOf(file, instance), signal);
  const reader = oneReader(
    bytes,
    () =>
      new DicomError(
        'NOT_READ',
        `An instance of ${storage.name} was not read before the next was asked for.`,
      ),
  );
  onReader(reader);
  try {
    yield { sopClassUid, sopInstanceUid, transferSyntaxUid, byteLength, dataset: reader.dataset };
    await reader.settled();
  } finally {
    await bytes.return();
  }
}

async function* readable<File>(
  storage: FileStorage<File>,
  dataset: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    for await (const chunk of dataset) {
      signal.throwIfAborted();
      yield chunk;
    }
  } catch (error) {
    throw signal.aborted || error instanceof DicomError ? error : storage.errorOf(error);
  }
}
