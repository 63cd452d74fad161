import {
  type Attributes,
  attributesFrom,
  type DicomInstance,
  peekHeader,
  readMetadata,
  Tags,
  textOf,
} from '@adit/core';
import type { RequestContext } from './context.ts';
import type { DicomWebOperation } from './operation.ts';
import { Instances } from './retrieve.ts';
import { acceptsJson } from './search.ts';
import { jsonArrayResponse } from './stream-response.ts';

/** Answers with the attributes of instances (PS3.18 §10.4.1.1.2), read no further than their pixel data. */
export async function metadata(context: RequestContext, operation: DicomWebOperation): Promise<Response> {
  acceptsJson(context);
  const instances = new Instances(context, operation);
  await instances.first();
  const study = `${context.root}/studies/${operation.studyInstanceUid}`;
  return jsonArrayResponse(each(instances, study), context);
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
