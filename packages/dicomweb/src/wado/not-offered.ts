import type { Selection } from '@adit/core';
import { DicomWebError, type DicomWebErrorCode } from '../dicomweb-error.ts';
import { type Service, send } from '../service.ts';

/** Statuses of a service that is not there, or does not do this (RFC 9110 §15.5.5, §15.5.6, §15.5.11, §15.6.2). */
const ABSENT: ReadonlySet<number> = new Set([404, 405, 410, 501]);

/** Finds out, as a retrieval begins, whether there is a WADO-RS at all. */
export class Offer {
  readonly #service: Service;
  readonly #studyInstanceUid: string;
  readonly #signal: AbortSignal;
  /** The service has shown that it is there: what it lacks from now on, it lacks alone. */
  isKnown = false;

  constructor(service: Service, { studyInstanceUid }: Selection, signal: AbortSignal) {
    this.#service = service;
    this.#studyInstanceUid = studyInstanceUid;
    this.#signal = signal;
  }

  /**
   * What was asked for. Throws `NOT_OFFERED` where it failed because there is no WADO-RS, else the error as it is.
   *
   * Objects that a service lacks and a service that is not there are both HTTP 404. One that answers a search for the
   * study, however it does, is there.
   */
  async whether<T>(asked: Promise<T>): Promise<T> {
    try {
      return await asked;
    } catch (error) {
      const status = !this.isKnown && error instanceof DicomWebError ? error.status : undefined;
      if (status === undefined || !ABSENT.has(status)) throw error;
      if (status === 404 || status === 410) this.isKnown = await this.#searches();
      if (this.isKnown) throw error;
      throw new DicomWebError(
        'NOT_OFFERED',
        `${this.#service.root.name} offers no WADO-RS (HTTP ${status}): check the address, and whether it is switched on.`,
        { status },
      );
    }
  }

  async #searches(): Promise<boolean> {
    const path = `/studies?StudyInstanceUID=${this.#studyInstanceUid}&limit=1`;
    const request = { path, accept: 'application/dicom+json', signal: this.#signal };
    try {
      const answer = await send(this.#service, request);
      await answer.discard();
      return !ABSENT.has(answer.status);
    } catch {
      this.#signal.throwIfAborted();
      // Nothing more is known than before: then what was asked for is missing.
      return true;
    }
  }
}

/**
 * `NOT_ACCEPTABLE`: not in the form of files. `CONNECT`: nobody listens. Not `TLS`: whoever is in between could have a study
 * come in the clear. Not `UNAUTHORIZED`, `TIMEOUT`, `BUSY` or `SERVER`: a service that is there is to be mended.
 */
const NOT_OFFERED: readonly DicomWebErrorCode[] = ['NOT_OFFERED', 'NOT_ACCEPTABLE', 'CONNECT'];

/** See `InstanceSource`. */
export function isNotOffered(error: unknown): boolean {
  return error instanceof DicomWebError && NOT_OFFERED.includes(error.code);
}
