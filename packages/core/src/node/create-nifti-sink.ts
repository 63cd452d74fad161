import { link, mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { textOf } from '../data/attribute-access.ts';
import type { Attributes } from '../data/attributes.ts';
import { peekHeader } from '../data/peek-header.ts';
import { Tags } from '../data/tags.ts';
import { DicomError } from '../errors.ts';
import { INSTANCE_PATH_TAGS, type InstancePath, instancePath } from '../layout/instance-path.ts';
import type { AbortableOptions } from '../query/types.ts';
import type { InstanceSink, StoreOutcome, Verifier } from '../transfer/types.ts';
import { countSlices } from './check-nifti.ts';
import { fileChunks } from './file-chunks.ts';
import { fileError } from './file-error.ts';
import { FolderNames } from './folder-names.ts';
import { writeInstanceFile } from './instance-file.ts';
import { nodeCrypto } from './lazy-builtins.ts';
import { makeFolder } from './make-folder.ts';
import { SIDECAR_TAGS, sidecarEntries } from './nifti-sidecar.ts';
import { type Dcm2niixEnd, OUTPUT_NAME, runDcm2niix } from './run-dcm2niix.ts';

/** Reports, key objects and presentation states: what no NIfTI can be made of. */
export const MODALITIES_WITHOUT_NIFTI: readonly string[] = ['KO', 'PR', 'SR'];

export interface NiftiSinkOptions {
  /** Native dcm2niix, by its path or a name in PATH. Default: the WebAssembly build, `@niivue/dcm2niix`. */
  program?: string;
  /** Most bytes that wait for their conversion at once. Default: 16 GiB. */
  maxWaitingBytes?: number;
  /** Called for each series when it has been converted, or not. */
  onSeries?: (series: ConvertedSeries) => void;
}

/** What became of a series. */
export interface ConvertedSeries {
  seriesInstanceUid: string;
  instances: number;
  /** NIfTI files it became. */
  images: number;
  /** Why it did not become what it should; what there is of it is kept. */
  problem?: string;
}

/** A folder that takes instances and holds NIfTI files. Dispose of it to remove what waits. */
export interface NiftiSink extends InstanceSink, AsyncDisposable {
  /** Converts what was stored of a study. For `transfer`: without it nothing becomes NIfTI. */
  readonly verify: Verifier;
}

const DEFAULT_MAX_WAITING = 16 * 1024 ** 3;
/** WebAssembly has 4 GiB of memory, in which a series, what it becomes and both compressed have to fit. */
const MAX_WEBASSEMBLY_SERIES = 1024 ** 3;
const MAX_NAMES = 1_000;

/** A series whose instances wait for their conversion. */
interface WaitingSeries {
  seriesInstanceUid: string;
  studyInstanceUid: string;
  path: InstancePath;
  /** Of its first instance. */
  attributes: Attributes;
  folder: string;
  instances: Set<string>;
  bytes: number;
}

/**
 * Makes a folder a sink that keeps series as NIfTI files (`.nii.gz`) with their sidecars (`.json`, `.bval`, `.bvec`), made by
 * dcm2niix and named `<PatientID>/<StudyDate>-<StudyTime>/<SeriesNumber>-<SeriesDescription>.nii.gz`.
 *
 * A series can be converted only as a whole. Until `verify` is called for its study, its instances wait in a folder that
 * nobody else may read, below the one they go to. They are removed after their conversion, and when the sink is disposed
 * of. What was stored before the process died is not found again.
 *
 * The instances of a series that could not be converted count as not found again, and `onSeries` says why; so do those of
 * one that has become fewer slices than it has instances. A NIfTI file that is there is never replaced.
 *
 * Throws `DicomError`: `NO_DCM2NIIX`, `NO_SPACE` when too much waits, and the codes of `fileError`.
 *
 * ```ts
 * await using sink = createNiftiSink('images', { program: 'dcm2niix' });
 * const result = await transfer({ source, sink, selection, verify: sink.verify });
 * ```
 */
export function createNiftiSink(path: string, options: NiftiSinkOptions = {}): NiftiSink {
  const { program, maxWaitingBytes = DEFAULT_MAX_WAITING, onSeries = () => {} } = options;
  const names = new FolderNames(path);
  // `walkFiles` passes over such a name.
  const waitingRoot = join(resolve(path), `.${crypto.randomUUID()}.part`);
  const waiting = new Map<string, WaitingSeries>();
  let waitingBytes = 0;
  let number = 0;
  let made: Promise<void> | undefined;

  function makeWaitingRoot(): Promise<void> {
    made ??= (async () => {
      await makeFolder(path);
      await mkdir(waitingRoot, { mode: 0o700 });
    })().catch((error: unknown) => {
      made = undefined;
      throw fileError(error, path, 'write');
    });
    return made;
  }

  function seriesOf(attributes: Attributes): WaitingSeries {
    const studyInstanceUid = textOf(attributes, Tags.StudyInstanceUID) ?? '';
    const seriesInstanceUid = textOf(attributes, Tags.SeriesInstanceUID) ?? '';
    const key = JSON.stringify([studyInstanceUid, seriesInstanceUid]);
    const known = waiting.get(key);
    if (known) return known;
    number += 1;
    const series: WaitingSeries = {
      seriesInstanceUid,
      studyInstanceUid,
      path: instancePath(attributes),
      attributes,
      folder: join(waitingRoot, String(number)),
      instances: new Set(),
      bytes: 0,
    };
    waiting.set(key, series);
    return series;
  }

  /** Takes the bytes of an instance into account as they come. */
  async function* counted(
    dataset: AsyncIterable<Uint8Array>,
    onBytes: (length: number) => void,
    signal: AbortSignal | undefined,
  ): AsyncGenerator<Uint8Array, void, undefined> {
    for await (const chunk of dataset) {
      signal?.throwIfAborted();
      if (waitingBytes + chunk.length > maxWaitingBytes) {
        throw new DicomError(
          'NO_SPACE',
          `More than ${maxWaitingBytes} bytes would wait in ${path} for their conversion: transfer less at once.`,
        );
      }
      onBytes(chunk.length);
      yield chunk;
    }
  }

  async function convert(series: WaitingSeries, signal: AbortSignal | undefined): Promise<ConvertedSeries> {
    const { seriesInstanceUid, instances } = series;
    const result = { seriesInstanceUid, instances: instances.size, images: 0 };
    if (program === undefined && series.bytes > MAX_WEBASSEMBLY_SERIES) {
      return { ...result, problem: 'the series is too large to be converted without a native dcm2niix' };
    }
    const output = `${series.folder}.out`;
    await mkdir(output, { mode: 0o700 });
    const end = await runDcm2niix({ input: series.folder, output }, { program, signal });
    const files = (await readdir(output)).filter((name) => name.startsWith(OUTPUT_NAME));
    const images = files.filter((name) => name.endsWith('.nii.gz'));
    if (images.length === 0) return { ...result, problem: problemOf(end) ?? 'it is not in space' };

    let slices = 0;
    for (const image of images) slices += await countSlices(join(output, image));
    await completeSidecars(output, files, series.attributes);
    const { folders } = series.path;
    const target = await names.folderOf({ ...series.path, folders: folders.slice(0, 2) });
    const taken = await place(output, files, target, folders[2]!.name, seriesInstanceUid);
    const problem =
      taken ??
      problemOf(end) ??
      (slices < instances.size
        ? `only ${slices} slices were made of it: some instances are missing`
        : undefined);
    return { ...result, images: images.length, ...(problem === undefined ? {} : { problem }) };
  }

  async function convertAndRemove(
    series: WaitingSeries,
    signal: AbortSignal | undefined,
  ): Promise<ConvertedSeries> {
    try {
      return await convert(series, signal);
    } catch (error) {
      if (error instanceof DicomError && error.code === 'DAMAGED') {
        const { seriesInstanceUid, instances } = series;
        return { seriesInstanceUid, instances: instances.size, images: 0, problem: 'dcm2niix broke off' };
      }
      throw error instanceof DicomError || signal?.aborted ? error : fileError(error, path, 'write');
    } finally {
      waitingBytes -= series.bytes;
      await rm(series.folder, { recursive: true, force: true });
      await rm(`${series.folder}.out`, { recursive: true, force: true });
    }
  }

  return {
    concurrency: 4,

    async store(given, { signal }: AbortableOptions = {}): Promise<StoreOutcome> {
      const { attributes, instance } = await peekHeader(given, [...INSTANCE_PATH_TAGS, ...SIDECAR_TAGS]);
      const leave = () => instance.dataset[Symbol.asyncIterator]().return?.();
      const modality = textOf(attributes, Tags.Modality) ?? '';
      if (MODALITIES_WITHOUT_NIFTI.includes(modality)) {
        await leave();
        return { state: 'failed', message: `no NIfTI can be made of ${modality}: leave the modality out` };
      }
      const series = seriesOf(attributes);
      if (series.instances.has(instance.sopInstanceUid)) {
        await leave();
        return { state: 'present' };
      }
      try {
        await makeWaitingRoot();
      } catch (error) {
        await leave();
        throw error;
      }
      series.instances.add(instance.sopInstanceUid);
      let bytes = 0;
      const onBytes = (length: number) => {
        bytes += length;
        series.bytes += length;
        waitingBytes += length;
      };
      try {
        const file = join(series.folder, `${series.instances.size}-${crypto.randomUUID()}.dcm`);
        const dataset = counted(instance.dataset, onBytes, signal);
        const { outcome } = await writeInstanceFile(file, { ...instance, dataset }, { root: path });
        return outcome;
      } catch (error) {
        series.instances.delete(instance.sopInstanceUid);
        onBytes(-bytes);
        throw error;
      }
    },

    async verify({ studyInstanceUid, instances }, { signal } = {}) {
      const converted = new Set<string>();
      for (const [key, series] of waiting) {
        if (series.studyInstanceUid !== studyInstanceUid) continue;
        waiting.delete(key);
        if (series.instances.size === 0) continue;
        const result = await convertAndRemove(series, signal);
        if (result.problem === undefined) for (const sop of series.instances) converted.add(sop);
        onSeries(result);
      }
      const missing = instances
        .map(({ sopInstanceUid }) => sopInstanceUid)
        .filter((sop) => !converted.has(sop));
      return { verification: 'reread', verified: instances.length - missing.length, missing };
    },

    async [Symbol.asyncDispose]() {
      waiting.clear();
      await rm(waitingRoot, { recursive: true, force: true });
    },
  };
}

function problemOf(end: Dcm2niixEnd): string | undefined {
  switch (end) {
    case 'done':
      return undefined;
    case 'no-images':
      return 'it has no images that dcm2niix knows';
    case 'partial':
      return 'dcm2niix has converted a part of it only';
    case 'failed':
      return 'dcm2niix broke off';
  }
}

/** Adds to each sidecar what dcm2niix leaves out or does not know; what it has written stays. */
async function completeSidecars(
  folder: string,
  files: readonly string[],
  attributes: Attributes,
): Promise<void> {
  for (const name of files.filter((file) => file.endsWith('.json'))) {
    const path = join(folder, name);
    const made = JSON.parse(await readFile(path, 'utf8')) as object;
    await writeFile(path, `${JSON.stringify({ ...sidecarEntries(attributes), ...made }, undefined, 2)}\n`);
  }
}

/**
 * Gives the files of a series their names in the target folder. Where another series has them, `_2`, `_3`… is added. Returns
 * a sentence where the series is there already and is not the same.
 */
async function place(
  folder: string,
  files: readonly string[],
  target: string,
  base: string,
  seriesInstanceUid: string,
): Promise<string | undefined> {
  for (let attempt = 1; attempt <= MAX_NAMES; attempt += 1) {
    const name = attempt === 1 ? base : `${base}_${attempt}`;
    const moves = files.map((file) => ({
      from: join(folder, file),
      to: join(target, name + file.slice(OUTPUT_NAME.length)),
    }));
    const there = await Promise.all(moves.map(({ to }) => exists(to)));
    if (!there.includes(true)) {
      for (const { from, to } of moves) await move(from, to);
      return undefined;
    }
    const sidecar = moves.find(({ to }) => to.endsWith('.json'));
    if (!sidecar || (await seriesOfSidecar(sidecar.to)) !== seriesInstanceUid) continue;
    const same = await Promise.all(moves.map(({ from, to }) => isSame(from, to)));
    return same.includes(false)
      ? 'another conversion of it is there already: remove that, or choose another folder'
      : undefined;
  }
  throw new DicomError('TOO_MANY_FILES', 'Too many series have the same name: choose another folder.');
}

/** Never over a file that is there; not every file system has links. */
async function move(from: string, to: string): Promise<void> {
  try {
    await link(from, to);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') throw error;
    await rename(from, to);
  }
}

async function seriesOfSidecar(path: string): Promise<unknown> {
  try {
    return (JSON.parse(await readFile(path, 'utf8')) as { SeriesInstanceUID?: unknown }).SeriesInstanceUID;
  } catch {
    return undefined;
  }
}

async function isSame(a: string, b: string): Promise<boolean> {
  try {
    const [one, other] = await Promise.all([digestOf(a), digestOf(b)]);
    return one === other;
  } catch {
    return false;
  }
}

async function digestOf(path: string): Promise<string> {
  const hash = nodeCrypto().createHash('sha256');
  for await (const chunk of fileChunks(path)) hash.update(chunk);
  return hash.digest('hex');
}

const exists = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );
