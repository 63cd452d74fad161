import type { AbortableOptions, Attributes } from '@adit/core';
import { attributesFromJson } from '../json/attributes-from-json.ts';
import { jsonArrayItems } from '../json/json-array-items.ts';
import { parseMediaType } from '../multipart/media-type.ts';
import { ask, isJson, type Service, unexpectedAnswer } from '../service.ts';
import { pathOf, type ResourceUids } from './resource.ts';

/** Of one instance: functional groups of enhanced objects are long. */
const MAX_INSTANCE_BYTES = 64 * 1024 * 1024;

/** Attributes of the instances of a resource (PS3.18 §10.4.1.1.2) as they arrive, with absolute addresses of bulk data. */
export async function* retrieveMetadata(
  service: Service,
  resource: ResourceUids,
  { signal }: AbortableOptions = {},
): AsyncGenerator<Attributes, void, undefined> {
  const { path, what } = pathOf(resource);
  const below = `${path}/metadata`;
  const accept = 'application/dicom+json';
  const answer = await ask(service, { path: below, accept, acceptEncoding: 'gzip', signal }, what);
  const { type } = parseMediaType(answer.header('content-type'));
  if (!isJson(type)) {
    await answer.discard();
    throw unexpectedAnswer(service.root, type, 'DICOM JSON');
  }
  const options = { peer: service.root.name, maxItemBytes: MAX_INSTANCE_BYTES };
  for await (const item of jsonArrayItems(answer.body, options)) {
    yield absolute(attributesFromJson(item), service.root.href + below);
  }
}

/** Services may give addresses relative to what was asked for (PS3.18 §F.2.6). */
function absolute(attributes: Attributes, base: string): Attributes {
  return Object.fromEntries(
    Object.entries(attributes).map(([key, attribute]) => {
      const { vr, Value, BulkDataURI } = attribute;
      if (BulkDataURI !== undefined) {
        return [key, { ...attribute, BulkDataURI: URL.parse(BulkDataURI, base)?.href ?? BulkDataURI }];
      }
      if (vr !== 'SQ' || Value === undefined) return [key, attribute];
      return [
        key,
        { ...attribute, Value: (Value as readonly Attributes[]).map((item) => absolute(item, base)) },
      ];
    }),
  );
}
