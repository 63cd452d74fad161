import {
  type Attributes,
  attributesFrom,
  type DicomInstance,
  type JsonAttribute,
  peekHeader,
  readMetadata,
  Tags,
  textOf,
} from '@adit/core';
import type { ResourceUids } from '../wado/resource.ts';
import type { RequestContext } from './context.ts';
import { HttpProblem } from './http-problem.ts';
import type { DicomWebOperation, Resource } from './operation.ts';
import { Instances } from './retrieve.ts';
import { acceptsJson } from './search.ts';
import { jsonArrayResponse } from './stream-response.ts';

/** Answers with the attributes of instances (PS3.18 §10.4.1.1.2), read no further than their pixel data. */
export async function metadata(context: RequestContext, operation: DicomWebOperation): Promise<Response> {
  acceptsJson(context);
  const { source } = context;
  if (source?.metadata) {
    const given = source.metadata(operation as ResourceUids, { signal: context.request.signal });
    return jsonArrayResponse(relayed(given, context.root, operation), context, { whenEmpty: notFound });
  }
  const instances = new Instances(context, operation);
  await instances.first();
  const study = `${context.root}/studies/${operation.studyInstanceUid}`;
  return jsonArrayResponse(each(instances, study), context);
}

function notFound(): never {
  throw new HttpProblem(404, 'What was asked for is not here.');
}

/** What another service says, with addresses below this one: its clients may not reach the other. */
async function* relayed(
  instances: AsyncIterable<Attributes>,
  root: string,
  { studyInstanceUid, seriesInstanceUid }: Resource,
): AsyncGenerator<Attributes, void, undefined> {
  for await (const attributes of instances) {
    const study = textOf(attributes, Tags.StudyInstanceUID) ?? studyInstanceUid;
    const series = textOf(attributes, Tags.SeriesInstanceUID) ?? seriesInstanceUid;
    const instance = textOf(attributes, Tags.SOPInstanceUID);
    const address = `${root}/studies/${study}/series/${series}/instances/${instance}`;
    yield readdressed(attributes, `${address}/bulkdata`);
  }
}

function readdressed(attributes: Attributes, address: string): Attributes {
  return Object.fromEntries(
    Object.entries(attributes).map(([key, attribute]): [string, JsonAttribute] => {
      const here = `${address}/${key}`;
      if (attribute.BulkDataURI !== undefined) return [key, { ...attribute, BulkDataURI: here }];
      if (attribute.vr !== 'SQ' || attribute.Value === undefined) return [key, attribute];
      const items = attribute.Value as readonly Attributes[];
      return [key, { ...attribute, Value: items.map((item, i) => readdressed(item, `${here}/${i}`)) }];
    }),
  );
}

async function* each(
  instances: AsyncIterable<DicomInstance>,
  study: string,
): AsyncGenerator<Attributes, void, undefined> {
  for await (const given of instances) {
    const { attributes, instance } = await peekHeader(given, [Tags.SeriesInstanceUID]);
    const series = textOf(attributes, Tags.SeriesInstanceUID);
    const address = `${study}/series/${series}/instances/${instance.sopInstanceUid}`;
    const all = await readMetadata(instance, {
      bulkDataUri: (path) => `${address}/bulkdata/${path.join('/')}`,
    });
    // JSON is UTF-8, whatever the data set is written in.
    const charset = all['00080005'] ? { SpecificCharacterSet: 'ISO_IR 192' } : {};
    yield {
      ...all,
      ...attributesFrom({ ...charset, AvailableTransferSyntaxUID: instance.transferSyntaxUid }),
    };
  }
}
