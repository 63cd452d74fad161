import type { AbortableOptions } from '../query/types.ts';

/** One composite SOP instance on its way. The data set is read once, in its own transfer syntax. */
export interface DicomInstance {
  readonly sopClassUid: string;
  readonly sopInstanceUid: string;
  readonly transferSyntaxUid: string;
  /**
   * The bytes of the data set: no preamble, no file meta information. Has one reader, who owns the chunks: their memory is
   * never written to again.
   */
  readonly dataset: AsyncIterable<Uint8Array>;
  /** Length of `dataset` in bytes, where it is known beforehand. */
  readonly byteLength?: number;
}

/**
 * A data set that lies somewhere, in a file for example. It can be read as often as is wanted, and straight into the
 * memory of whoever sends it on: where both ends can, the bytes are not copied on the way.
 */
export interface StoredDataset extends AsyncIterable<Uint8Array> {
  /** Begins a reading. */
  open(): Promise<DatasetReader>;
}

/** One reading of a `StoredDataset`, from its first byte on. */
export interface DatasetReader {
  /** Length of the whole data set in bytes. */
  readonly byteLength: number;
  /** Fills buffers with the next bytes, one buffer after another. Throws when there are not so many. */
  fill(buffers: readonly Uint8Array[]): Promise<void>;
  /** Ends the reading, wherever it has come to. */
  close(): void;
}

/**
 * A data set that comes in over a connection. Who is done with a chunk may say so: its memory is used again at once, while
 * what is not released waits for the garbage collector. With studies that is the larger part of what receiving costs.
 *
 * @example
 * for await (const chunk of dataset) {
 *   await file.write(chunk);
 *   if (isReleasable(dataset)) dataset.release(chunk);
 * }
 */
export interface ReleasableDataset extends AsyncIterable<Uint8Array> {
  /**
   * Gives the memory of a chunk back. The chunk and all views of it are empty afterwards, or soon. It must not be under way
   * any more: a file or socket that is still writing it would write what others have put into that memory.
   *
   * Does nothing with what is no chunk of this data set, or was released before.
   */
  release(chunk: Uint8Array): void;
}

/** Does this data set take back its chunks? */
export function isReleasable(dataset: AsyncIterable<Uint8Array>): dataset is ReleasableDataset {
  return 'release' in dataset && typeof dataset.release === 'function';
}

/** Can this data set be read into memory of one's own? */
export function isStoredDataset(dataset: AsyncIterable<Uint8Array>): dataset is StoredDataset {
  return 'open' in dataset && typeof dataset.open === 'function';
}

/** What to transfer: one study, or some of its series or instances. */
export interface Selection {
  studyInstanceUid: string;
  /** Only these series. */
  seriesInstanceUids?: readonly string[];
  /** Only these instances; `seriesInstanceUids` then names the series they are in. */
  sopInstanceUids?: readonly string[];
  /** Needed by nodes that know the Patient Root model only. */
  patientId?: string;
  /** Series of these modalities are left out and counted as excluded. */
  excludeModalities?: readonly string[];
}

/** An instance the source promised and could not deliver. */
export interface RetrieveFailure {
  sopInstanceUid?: string;
  /** DIMSE or HTTP status, where there is one. */
  status?: number;
  message: string;
  retryable: boolean;
}

export interface RetrieveOptions extends AbortableOptions {
  /** SOP classes of the selection, where a search told them already; spares C-GET a query of its own. */
  sopClassUids?: readonly string[];
  /** Called for each instance that the source could not deliver; the others go on. */
  onFailure?: (failure: RetrieveFailure) => void;
}

/** Somewhere instances come from: C-GET, C-MOVE with a receiver, WADO-RS, a folder, an archive. */
export interface InstanceSource {
  /**
   * Yields the instances of a selection as their first bytes arrive.
   *
   * An instance counts as taken, and is acknowledged to a source that wants it, when its data set has been read to the
   * end. Leaving its data set early (`return()`) refuses that instance alone (C-STORE-RSP A700) and the next one comes.
   * `next()` waits while the previous data set is being read; one that nobody has begun to read is refused, so that
   * `next()` never hangs. Leaving this iteration ends the retrieval at the node.
   */
  retrieve(selection: Selection, options?: RetrieveOptions): AsyncIterable<DicomInstance>;
  /**
   * Does an error of `retrieve`, before its first instance, say that the node cannot be retrieved from this way, whatever is
   * asked for? Then another way may do; see `firstOffered`. A missing study, a refused access and trouble that passes are none.
   * Left out: never.
   */
  isNotOffered?(error: unknown): boolean;
  /**
   * It can be searched while it is retrieved from, without a connection that it or others could lack: a transfer need not wait
   * then until a long list of instances is told. Default: false.
   */
  readonly findsWhileRetrieving?: boolean;
}

/** Where an instance ended: a value, for rejection by a destination is normal trouble. */
export interface StoreOutcome {
  /** `warning` is stored, with a remark of the destination; `present` was there before. */
  state: 'stored' | 'present' | 'warning' | 'failed';
  /** DIMSE or HTTP status of the destination's answer, where there was one. */
  status?: number;
  /** One sentence for people. Set for `warning` and `failed`. */
  message?: string;
  /** Of a failure: may the same object be accepted later? Default: false. */
  retryable?: boolean;
  /** UID of the transfer syntax that the destination was sent it in, where it does not take the instance's own. */
  transcodedTo?: string;
}

/** Somewhere instances go: C-STORE, STOW-RS, a folder, an archive. */
export interface InstanceSink {
  /**
   * Stores one instance. Calls may overlap up to `concurrency`. An error of `instance.dataset` is rethrown as it is, after
   * the destination was told to forget the half object.
   */
  store(instance: DicomInstance, options?: AbortableOptions): Promise<StoreOutcome>;
  /** How many calls of `store` may be under way at once. Default: 1. */
  readonly concurrency?: number;
  /**
   * Gives back connections that nobody uses at present; they are opened again when they are needed. A server with few threads
   * is slow to answer others, us included, while connections without work hold them.
   */
  release?(): Promise<void>;
}

/**
 * Changes an instance on its way, for example by de-identifying it. Throws `HeldBackError` to keep an instance from
 * leaving, at once or while its data set is read.
 */
export interface Transform {
  (instance: DicomInstance): DicomInstance | Promise<DicomInstance>;
  /** What a study, series or instance UID becomes. Left out: UIDs stay. */
  mapUid?(uid: string): string;
}

/** How delivery was verified: by the set of instances, by their number, by storage commitment, by reading again. */
export type Verification = 'image' | 'count' | 'commitment' | 'reread' | 'none';

/** An instance a sink said it stored. */
export interface StoredInstance {
  sopInstanceUid: string;
  /** Unknown of what an earlier attempt has stored. */
  sopClassUid?: string;
  bytes: number;
}

export interface VerificationResult {
  verification: Verification;
  /** How many of the stored instances were found again. */
  verified: number;
  /** SOP Instance UIDs of those that were not, where each was looked for by itself; undefined where only numbers are known. */
  missing?: readonly string[];
}

/** Finds out whether stored instances of a study really are at the destination. UIDs are the destination's. */
export type Verifier = (
  study: { studyInstanceUid: string; instances: readonly StoredInstance[] },
  options?: AbortableOptions,
) => Promise<VerificationResult>;
