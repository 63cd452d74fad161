import { textOf } from '../data/attribute-access.ts';
import { Tags } from '../data/tags.ts';
import { DicomError } from '../errors.ts';
import type { AbortableOptions, Queryable } from '../query/types.ts';
import { oneReader } from '../transfer/one-reader.ts';
import { type RetrievalContext, retrieval } from '../transfer/retrieval.ts';
import type { DicomInstance, InstanceSource, RetrieveFailure, Selection } from '../transfer/types.ts';
import { fileDataset } from './file-dataset.ts';
import { fileError } from './file-error.ts';
import { type FolderIndex, type IndexedInstance, readFolderIndex, type SkippedFile } from './folder-index.ts';
import { searchFolder } from './folder-search.ts';

export interface FolderSourceOptions {
  /** Called for each file that holds no instance, cannot be read, or holds an instance another file has. */
  onSkipped?: (file: SkippedFile) => void;
}

/** A folder instances come from. */
export interface FolderSource extends Queryable, InstanceSource {}

/**
 * Makes a source of a folder of Part 10 files, whatever they are called and however deep they lie. A single file will do.
 *
 * Headers are read once, when the source is first used, and some hundred bytes of each are kept. Attributes that queries
 * do not usually return are read again from the files. Later changes of the folder are not seen.
 *
 * Throws `DicomError`: `NOT_FOUND`, `NOT_READABLE` when the folder cannot be read; `STUDY_NOT_FOUND`.
 */
export function createFolderSource(folder: string, options: FolderSourceOptions = {}): FolderSource {
  let reading: Promise<FolderIndex> | undefined;
  const indexOf = (abortable: AbortableOptions): Promise<FolderIndex> => {
    if (reading === undefined) {
      reading = readFolderIndex(folder, options.onSkipped ?? (() => {}), abortable);
      // What went wrong may be mended before the next call.
      reading.catch(() => {
        reading = undefined;
      });
    }
    return reading;
  };
  return {
    async *find(query, abortable = {}) {
      yield* searchFolder(await indexOf(abortable), query, abortable);
    },
    retrieve(selection, retrieveOptions = {}) {
      const onFailure = retrieveOptions.onFailure ?? (() => {});
      return retrieval(retrieveOptions, async function* (context) {
        const chosen = choose(await indexOf(context), folder, selection, onFailure);
        for (const instance of chosen) yield* give(instance, folder, context);
      });
    },
  };
}

function choose(
  index: FolderIndex,
  folder: string,
  selection: Selection,
  onFailure: (failure: RetrieveFailure) => void,
): IndexedInstance[] {
  const study = index.get(selection.studyInstanceUid);
  if (study === undefined) {
    throw new DicomError(
      'STUDY_NOT_FOUND',
      `${folder} does not hold the study: check its Study Instance UID.`,
    );
  }
  const { seriesInstanceUids, sopInstanceUids, excludeModalities = [] } = selection;
  const wanted = sopInstanceUids && new Set(sopInstanceUids);
  const chosen: IndexedInstance[] = [];
  for (const [uid, series] of study.series) {
    if (seriesInstanceUids && !seriesInstanceUids.includes(uid)) continue;
    if (excludeModalities.includes(textOf(series.attributes, Tags.Modality) ?? '')) continue;
    for (const instance of series.instances.values()) {
      if (!wanted || wanted.delete(instance.sopInstanceUid)) chosen.push(instance);
    }
  }
  for (const sopInstanceUid of wanted ?? []) {
    onFailure({ sopInstanceUid, message: `${folder} does not hold the instance.`, retryable: false });
  }
  return chosen;
}

async function* give(
  { path, datasetOffset, sopClassUid, sopInstanceUid, transferSyntaxUid, byteLength }: IndexedInstance,
  folder: string,
  { signal, onReader }: RetrievalContext,
): AsyncGenerator<DicomInstance, void, undefined> {
  signal.throwIfAborted();
  const bytes = readable(fileDataset({ path, offset: datasetOffset, byteLength }), folder, signal);
  const reader = oneReader(
    bytes,
    () => new DicomError('NOT_READ', `An instance of ${folder} was not read before the next was asked for.`),
  );
  onReader(reader);
  try {
    yield { sopClassUid, sopInstanceUid, transferSyntaxUid, byteLength, dataset: reader.dataset };
    await reader.settled();
  } finally {
    await bytes.return();
  }
}

async function* readable(
  dataset: AsyncIterable<Uint8Array>,
  folder: string,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    for await (const chunk of dataset) {
      signal.throwIfAborted();
      yield chunk;
    }
  } catch (error) {
    throw signal.aborted || error instanceof DicomError ? error : fileError(error, folder, 'read');
  }
}
