import type { AbortableOptions, Attributes, InstanceSink, InstanceSource, Queryable } from '@adit/core';
import type { ResourceUids } from '../wado/resource.ts';

/** A source that can say what instances say of themselves without giving them: a `DicomWebClient` can. */
export interface MetadataSource {
  metadata(resource: ResourceUids, options?: AbortableOptions): AsyncIterable<Attributes>;
}

/** What a request is answered with. */
export interface RequestContext {
  request: Request;
  url: URL;
  /** Address of the service root as its clients know it, without a slash at its end. */
  root: string;
  queryable: Queryable | undefined;
  source: (InstanceSource & Partial<MetadataSource>) | undefined;
  sink: InstanceSink | undefined;
  /** Most bytes of one instance that is stored. */
  maxInstanceBytes: number;
  /** Is told of errors that the client hears of in general words only. */
  onError: (error: unknown) => void;
}
