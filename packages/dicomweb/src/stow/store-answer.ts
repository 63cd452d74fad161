import { type Attributes, itemsOf, numberOf, type StoreOutcome, textOf } from '@adit/core';
import { collectBounded } from '../collect-bounded.ts';
import { DicomWebError } from '../dicomweb-error.ts';
import { attributesFromJson } from '../json/attributes-from-json.ts';
import { parseMediaType } from '../multipart/media-type.ts';
import { isJson } from '../service.ts';
import type { HttpAnswer } from '../transport/transport.ts';
import { outcomeOfFailure, outcomeOfWarning } from './failure-reason.ts';

/** What a service says became of the instances of one request (PS3.18 §10.5.3). */
export interface StoreAnswer {
  /** `each`: it lists instances; `all`: a data set without lists, so that the status stands for all; or nothing at all. */
  readonly says: 'each' | 'all' | 'nothing';
  /** Undefined for an instance it does not mention. */
  outcomeOf(sopInstanceUid: string): StoreOutcome | undefined;
}

/** Some hundred bytes for each instance, and a request has few of them. */
const MAX_ANSWER_BYTES = 16 * 1024 * 1024;

const XML_TYPES: ReadonlySet<string> = new Set(['application/dicom+xml', 'application/xml', 'text/xml']);

/**
 * Reads the answer to a store: DICOM JSON, a list of it, or the Native DICOM Model in XML that older services insist on.
 * Gives undefined for anything else.
 */
export async function readStoreAnswer(answer: HttpAnswer, name: string): Promise<StoreAnswer | undefined> {
  const { type } = parseMediaType(answer.header('content-type'));
  const nothing: StoreAnswer = { says: 'nothing', outcomeOf: () => undefined };
  if (answer.status === 204 || answer.header('content-length') === '0') {
    await answer.discard();
    return nothing;
  }
  if (!isJson(type) && !XML_TYPES.has(type)) {
    await answer.discard();
    return undefined;
  }
  const bytes = await collectBounded(answer.body, MAX_ANSWER_BYTES, `${name} sent an answer`);
  const text = new TextDecoder().decode(bytes).trim();
  if (text === '') return nothing;
  return answerOf(XML_TYPES.has(type) ? await fromXml(text, name) : fromJson(text, name), name);
}

function fromJson(text: string, name: string): Attributes[] {
  try {
    const json: unknown = JSON.parse(text);
    return (Array.isArray(json) ? json : [json]).map(attributesFromJson);
  } catch (error) {
    throw new DicomWebError('MALFORMED', `${name} answered with something that is not DICOM JSON.`, {
      cause: error,
    });
  }
}

async function fromXml(text: string, name: string): Promise<Attributes[]> {
  const { attributesFromXml } = await import('../xml/attributes-from-xml.ts');
  return [attributesFromXml(text, name)];
}

function answerOf(datasets: readonly Attributes[], name: string): StoreAnswer {
  const outcomes = new Map<string, StoreOutcome>();
  let says: StoreAnswer['says'] = 'all';
  for (const dataset of datasets) {
    for (const item of itemsOf(dataset, 'ReferencedSOPSequence')) {
      says = 'each';
      const warning = numberOf(item, 'WarningReason');
      const uid = textOf(item, 'ReferencedSOPInstanceUID');
      if (uid === undefined) continue;
      outcomes.set(uid, warning ? outcomeOfWarning(warning, name) : { state: 'stored' });
    }
  }
  // An instance that is in both lists has not arrived as it should.
  for (const dataset of datasets) {
    for (const item of itemsOf(dataset, 'FailedSOPSequence')) {
      says = 'each';
      const uid = textOf(item, 'ReferencedSOPInstanceUID');
      if (uid !== undefined) outcomes.set(uid, outcomeOfFailure(numberOf(item, 'FailureReason'), name));
    }
    if (itemsOf(dataset, 'OtherFailuresSequence').length > 0) says = 'each';
  }
  return { says, outcomeOf: (uid) => outcomes.get(uid) };
}
