import type { AbortableOptions } from '@adit/core';
import { DicomWebError } from '../dicomweb-error.ts';
import { ask, type Service } from '../service.ts';
import { type BodyPart, bodyParts } from './body-parts.ts';
import { type InstanceUids, pathOf } from './resource.ts';

export interface RetrieveFramesOptions extends AbortableOptions {
  /**
   * What to ask for. Default: frames as they are stored, `multipart/related; type="application/octet-stream";
   * transfer-syntax=*`. One range only: not all services read a list.
   */
  accept?: string;
}

const AS_STORED = 'multipart/related; type="application/octet-stream"; transfer-syntax=*';

/** Frames of an instance (PS3.18 §10.4.1.1.6), in the order asked for, as they arrive. */
export async function* retrieveFrames(
  service: Service,
  instance: InstanceUids,
  numbers: readonly number[],
  { accept = AS_STORED, signal }: RetrieveFramesOptions = {},
): AsyncGenerator<BodyPart & { frame: number }, void, undefined> {
  if (numbers.length === 0 || !numbers.every((number) => Number.isSafeInteger(number) && number > 0)) {
    throw new DicomWebError('INVALID_QUERY', 'Frames are numbers from 1 on: check them.');
  }
  const path = `${pathOf(instance).path}/frames/${numbers.join(',')}`;
  const answer = await ask(service, { path, accept, signal }, 'the frames');
  let count = 0;
  for await (const part of bodyParts(service, answer)) {
    const frame = numbers[count++];
    if (frame === undefined) break;
    yield { ...part, frame };
  }
  if (count !== numbers.length) {
    throw new DicomWebError(
      'UNEXPECTED_ANSWER',
      `${service.root.name} sent another number of frames than was asked for: ask for them one by one.`,
    );
  }
}
