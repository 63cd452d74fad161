import type { AbortableOptions } from '@adit/core';
import { DicomWebError } from '../dicomweb-error.ts';
import { ask, type Service, unexpectedAnswer } from '../service.ts';
import { type BodyPart, bodyParts } from './body-parts.ts';
import { pathOf, type ResourceUids } from './resource.ts';

export interface RetrieveRenderedOptions extends AbortableOptions {
  /** Of an instance: these frames. Default: what the service chooses. */
  frames?: readonly number[];
  /** A small picture that stands for the resource. Default: false. */
  thumbnail?: boolean;
  /** Media types in order of preference. Default: `image/jpeg`. */
  accept?: string;
  /** Width and height the image is to fit into, in pixels. */
  viewport?: { width: number; height: number };
  /** Window to show, by a linear function unless said otherwise (PS3.18 §8.3.5.1.4). */
  window?: { center: number; width: number; function?: 'linear' | 'linear-exact' | 'sigmoid' };
  /** Of a lossy image, from 1 to 100. */
  quality?: number;
}

/** Images made of a resource by the service, where it offers that (PS3.18 §10.4.1.1.3, §10.4.1.1.4). */
export async function* retrieveRendered(
  service: Service,
  resource: ResourceUids,
  options: RetrieveRenderedOptions = {},
): AsyncGenerator<BodyPart, void, undefined> {
  const { accept = 'image/jpeg', frames, signal, thumbnail = false, viewport, window, quality } = options;
  if (frames && (resource.sopInstanceUid === undefined || frames.length === 0)) {
    throw new DicomWebError('INVALID_QUERY', 'Frames are those of an instance, from 1 on: check them.');
  }
  const below = frames ? `/frames/${frames.join(',')}` : '';
  const parameters = new URLSearchParams();
  if (viewport) parameters.set('viewport', `${viewport.width},${viewport.height}`);
  if (window) parameters.set('window', `${window.center},${window.width},${window.function ?? 'linear'}`);
  if (quality !== undefined) parameters.set('quality', String(quality));
  const query = parameters.size === 0 ? '' : `?${parameters.toString().replaceAll('%2C', ',')}`;
  const path = `${pathOf(resource).path}${below}/${thumbnail ? 'thumbnail' : 'rendered'}${query}`;
  const answer = await ask(service, { path, accept, signal }, 'a rendered image');
  let some = false;
  for await (const part of bodyParts(service, answer)) {
    if (!/^(?:image|video|text|application)\//.test(part.mediaType) || /json|problem/.test(part.mediaType)) {
      throw unexpectedAnswer(service.root, part.mediaType, 'an image');
    }
    some = true;
    yield part;
  }
  if (!some) throw unexpectedAnswer(service.root, '', 'an image');
}
