import { addDays, formatDate, parseDate, parseDateTime, parseTime, type Vr } from '@adit/core';
import { latin1Bytes, latin1Text, trimmed } from '../identifiers/text.ts';

/**
 * A value of VR DA, TM or DT moved by whole days: the time, the precision and the offset from UTC stay (PS3.15 §E.3.6). The
 * value given where nothing has changed, undefined where it is no date or time. One as it was written before DICOM
 * (`1950.12.11`) is written anew.
 */
export function movedDates(value: Uint8Array, vr: Vr, days: number): Uint8Array | undefined {
  const before = latin1Text(value);
  const parts: string[] = [];
  for (const part of before.split('\\')) {
    const text = trimmed(part);
    const after = text === '' ? '' : movedDate(text, vr, days);
    if (after === undefined) return undefined;
    parts.push(after);
  }
  const after = parts.join('\\');
  return after === trimmed(before) ? value : latin1Bytes(after);
}

function movedDate(text: string, vr: Vr, days: number): string | undefined {
  switch (vr) {
    case 'DA':
      return movedDay(text, days);
    case 'TM':
      return parseTime(text) === undefined ? undefined : text.replaceAll(':', '');
    default:
      return movedDateTime(text, days);
  }
}

function movedDay(text: string, days: number): string | undefined {
  const date = parseDate(text);
  if (date === undefined) return undefined;
  const moved = addDays(date, days);
  return moved.year >= 1 && moved.year <= 9999 ? formatDate(moved) : undefined;
}

function movedDateTime(text: string, days: number): string | undefined {
  if (parseDateTime(text) === undefined) return undefined;
  // The digits of year, month and day, as many as there are; what follows stays.
  const written = /^\d{4,8}/.exec(text)![0];
  // Of a month or a year, its first day is moved.
  const day = movedDay(`${written}0101`.slice(0, 8), days);
  return day === undefined ? undefined : day.slice(0, written.length) + text.slice(written.length);
}
