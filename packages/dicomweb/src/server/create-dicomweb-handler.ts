import type { InstanceSink, InstanceSource, Queryable } from '@adit/core';
import { bulkData } from './bulk-data.ts';
import { capabilities } from './capabilities.ts';
import type { MetadataSource, RequestContext } from './context.ts';
import { frames } from './frames.ts';
import { HttpProblem, problemOf, problemResponse } from './http-problem.ts';
import { metadata } from './metadata.ts';
import { type DicomWebOperation, operationOf } from './operation.ts';
import { retrieve } from './retrieve.ts';
import { search } from './search.ts';
import { store } from './store.ts';

export interface DicomWebHandlerOptions {
  /** What QIDO-RS searches. Default: searches are answered with 501. */
  queryable?: Queryable;
  /**
   * Where WADO-RS takes instances from. Metadata is read from the beginnings of instances, unless the source can be asked for
   * it, as a `DicomWebClient` can. Default: 501.
   */
  source?: InstanceSource & Partial<MetadataSource>;
  /** Where STOW-RS puts instances. Default: 501. */
  sink?: InstanceSink;
  /** Path of the service root: `/dicom-web`. Default: the root of the server. */
  basePath?: string;
  /**
   * Address of the service root as its clients know it, for the URLs in answers: `https://example.org/dicom-web`. Default:
   * what each request was sent to.
   */
  publicUrl?: string;
  /**
   * Decides on each request before anything is done for it: gives an answer to refuse it (401, 403), nothing to let it pass.
   * Default: everybody may do everything.
   */
  authorize?: (
    request: Request,
    operation: DicomWebOperation,
  ) => Response | undefined | Promise<Response | undefined>;
  /** Most bytes of one instance that is stored. It streams, so this guards disks rather than memory. Default: 16 GiB. */
  maxInstanceBytes?: number;
  /** Is told of errors that clients hear of in general words only, for a log. */
  onError?: (error: unknown, operation: DicomWebOperation | undefined) => void;
}

/** Answers one request. Never throws. */
export type DicomWebHandler = (request: Request) => Promise<Response>;

/**
 * Makes a DICOMweb service (PS3.18 §10) of something that can be searched, retrieved from and stored to: QIDO-RS, WADO-RS,
 * STOW-RS and capabilities, as one function from a request of the Fetch standard to its answer, for any server that speaks it.
 * `createNodeListener` of `@adit/dicomweb/node` makes a listener for `node:http` of it.
 *
 * Everything streams: answers are made while they are sent, and requests stored while they arrive. What goes wrong in the
 * middle of an answer cuts it, so that nobody takes it for whole.
 */
export function createDicomWebHandler(options: DicomWebHandlerOptions): DicomWebHandler {
  const basePath = (options.basePath ?? '').replace(/\/+$/, '');
  return async (request) => {
    let operation: DicomWebOperation | undefined;
    const onError = (error: unknown) => options.onError?.(error, operation);
    try {
      const url = new URL(request.url);
      if (url.pathname !== basePath && !url.pathname.startsWith(`${basePath}/`)) {
        throw new HttpProblem(404, 'There is no DICOMweb service at this address.');
      }
      operation = operationOf(request.method, url.pathname.slice(basePath.length));
      const refusal = await options.authorize?.(request, operation);
      if (refusal) return refusal;
      return await answer(operation, {
        request,
        url,
        root: (options.publicUrl ?? url.origin + basePath).replace(/\/+$/, ''),
        queryable: options.queryable,
        source: options.source,
        sink: options.sink,
        maxInstanceBytes: options.maxInstanceBytes ?? 16 * 1024 ** 3,
        onError,
      });
    } catch (error) {
      if (!(error instanceof HttpProblem) && !request.signal.aborted) onError(error);
      return problemResponse(problemOf(error));
    }
  };
}

function answer(operation: DicomWebOperation, context: RequestContext): Response | Promise<Response> {
  switch (operation.kind) {
    case 'search':
      return search(context, operation);
    case 'retrieve':
      return retrieve(context, operation);
    case 'metadata':
      return metadata(context, operation);
    case 'frames':
      return frames(context, operation);
    case 'bulkdata':
      return bulkData(context, operation);
    case 'store':
      return store(context, operation);
    case 'capabilities':
      return capabilities(context);
    case 'rendered':
      throw new HttpProblem(501, 'This service does not render images.');
  }
}
