import { type DicomInstance, writePart10 } from '@adit/core';
import { concatBytes } from '../concat-bytes.ts';
import { bytesOf, collect } from './bytes.ts';

export const BOUNDARY = 'f433369f8-014a';

/** A multipart message as Orthanc writes it. Without `close` it lacks its end. */
export async function multipartMessage(
  instances: readonly DicomInstance[],
  options: { close?: boolean } = {},
): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for (const [i, instance] of instances.entries()) {
    const file = await collect(writePart10(instance));
    const start = `${i === 0 ? '' : '\r\n'}--${BOUNDARY}\r\nContent-Type: application/dicom\r\n`;
    chunks.push(bytesOf(`${start}Content-Length: ${file.length}\r\nMIME-Version: 1.0\r\n\r\n`), file);
  }
  if (options.close !== false) chunks.push(bytesOf(`\r\n--${BOUNDARY}--\r\n`));
  return concatBytes(chunks);
}
