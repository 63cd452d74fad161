import type { AbortableOptions } from '../query/types.ts';

/** One composite SOP instance on its way. The data set is read once, in its own transfer syntax. */
export interface DicomInstance {
  readonly sopClassUid: string;
  readonly sopInstanceUid: string;
  readonly transferSyntaxUid: string;
  /** The bytes of the data set: no preamble, no file meta information. Has one reader. */
  readonly dataset: AsyncIterable<Uint8Array>;
  /** Length of `dataset` in bytes, where it is known beforehand. */
  readonly byteLength?: number;
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
}

/**
 * Changes an instance on its way, for example by de-identifying it. Throws `HeldBackError` to keep an instance from
 * leaving.
 */
export type Transform = (instance: DicomInstance) => DicomInstance | Promise<DicomInstance>;
