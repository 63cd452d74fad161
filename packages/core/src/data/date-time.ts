/** A day of the calendar. */
export interface DicomDate {
  year: number;
  /** 1 to 12. */
  month: number;
  /** 1 to 31. */
  day: number;
}

/** A time of day, as exact as it was written: what is undefined was left out. */
export interface DicomTime {
  hour: number;
  minute?: number;
  /** 60 is a leap second. */
  second?: number;
  /** Millionths of a second. */
  microsecond?: number;
}

/** A day and a time, as exact as they were written: what is undefined was left out. */
export interface DicomDateTime extends Partial<DicomTime> {
  year: number;
  month?: number;
  day?: number;
  /** Minutes that local time is ahead of UTC. */
  offset?: number;
}

/**
 * Reads a value of VR DA: `20240229`, or `2024.02.29` as it was written before DICOM (PS3.5 §6.2, note). Undefined for
 * what is no day of the calendar.
 */
export function parseDate(text: string): DicomDate | undefined {
  const digits =
    /^(\d{4})(\d{2})(\d{2})$/.exec(text.trim()) ?? /^(\d{4})\.(\d{2})\.(\d{2})$/.exec(text.trim());
  if (digits === null) return undefined;
  const date = { year: Number(digits[1]), month: Number(digits[2]), day: Number(digits[3]) };
  return isDay(date) ? date : undefined;
}

/** Writes a value of VR DA. */
export function formatDate({ year, month, day }: DicomDate): string {
  return `${pad(year, 4)}${pad(month, 2)}${pad(day, 2)}`;
}

/** The day that lies this many days after the date, or before it where the number is negative. */
export function addDays(date: DicomDate, days: number): DicomDate {
  const moved = new Date(utc(date.year, date.month, date.day) + days * 86_400_000);
  return { year: moved.getUTCFullYear(), month: moved.getUTCMonth() + 1, day: moved.getUTCDate() };
}

/** How many days `to` lies after `from`. */
export function daysBetween(from: DicomDate, to: DicomDate): number {
  return Math.round((utc(to.year, to.month, to.day) - utc(from.year, from.month, from.day)) / 86_400_000);
}

/**
 * Reads a value of VR TM: `HH`, `HHMM`, `HHMMSS` or `HHMMSS.FFFFFF`, with colons as before DICOM too. Undefined for what
 * is no time of day.
 */
export function parseTime(text: string): DicomTime | undefined {
  const parts = /^(\d{2})(?::?(\d{2})(?::?(\d{2})(?:\.(\d{1,6}))?)?)?$/.exec(text.trim());
  return parts === null ? undefined : timeOf(parts[1], parts[2], parts[3], parts[4]);
}

/** Reads a value of VR DT: `YYYYMMDDHHMMSS.FFFFFF&ZZXX`, cut off anywhere behind the year. Undefined for anything else. */
export function parseDateTime(text: string): DicomDateTime | undefined {
  const parts =
    /^(\d{4})(?:(\d{2})(?:(\d{2})(?:(\d{2})(?:(\d{2})(?:(\d{2})(?:\.(\d{1,6}))?)?)?)?)?)?([+-]\d{4})?$/.exec(
      text.trim(),
    );
  if (parts === null) return undefined;
  const [, year, month, day, hour, minute, second, fraction, zone] = parts;
  const time = hour === undefined ? {} : timeOf(hour, minute, second, fraction);
  const dateTime: DicomDateTime = { year: Number(year), ...time };
  if (month !== undefined) dateTime.month = Number(month);
  if (day !== undefined) dateTime.day = Number(day);
  if (zone !== undefined) {
    const offset = Number(zone.slice(1, 3)) * 60 + Number(zone.slice(3));
    // From −12:00 to +14:00 (PS3.5 §6.2).
    if (Number(zone.slice(3)) > 59 || offset > (zone.startsWith('-') ? 720 : 840)) return undefined;
    dateTime.offset = zone.startsWith('-') ? -offset : offset;
  }
  const isValid = time !== undefined && isDay({ month: 1, day: 1, ...dateTime });
  return isValid ? dateTime : undefined;
}

/** A range of DA, TM or DT values (PS3.4 §C.2.2.2.5). An end that is undefined is open. */
export interface ValueRange {
  from: string | undefined;
  to: string | undefined;
}

/**
 * Takes a matching key of VR DA, TM or DT apart: `20240101-20240131`, `-20240131`, `20240101-`. Undefined when it is a
 * single value.
 */
export function parseRange(text: string, vr: 'DA' | 'TM' | 'DT'): ValueRange | undefined {
  const trimmed = text.trim();
  // In DT, a hyphen with four digits that can be an offset from UTC is one, and no second end.
  const ends =
    vr === 'DT'
      ? /^(\d{4,14}(?:\.\d{1,6})?(?:[+-](?:0\d|1[0-4])[0-5]\d(?=-|$))?)?-(\d{4,14}(?:\.\d{1,6})?(?:[+-]\d{4})?)?$/.exec(
          isOffset(trimmed) ? '' : trimmed,
        )
      : /^([\d.:]+)?\s*-\s*([\d.:]+)?$/.exec(trimmed);
  if (ends === null || (ends[1] === undefined && ends[2] === undefined)) return undefined;
  return { from: ends[1], to: ends[2] };
}

/** Is the text one DT value that ends with an offset, rather than a range? */
function isOffset(text: string): boolean {
  return /^\d{4,14}(?:\.\d{1,6})?-(?:0\d|1[0-2])[0-5]\d$/.test(text);
}

function timeOf(hour?: string, minute?: string, second?: string, fraction?: string): DicomTime | undefined {
  const time: DicomTime = { hour: Number(hour) };
  if (minute !== undefined) time.minute = Number(minute);
  if (second !== undefined) time.second = Number(second);
  if (fraction !== undefined) time.microsecond = Number(fraction.padEnd(6, '0'));
  const isValid = time.hour < 24 && (time.minute ?? 0) < 60 && (time.second ?? 0) <= 60;
  return isValid ? time : undefined;
}

function isDay({ year, month, day }: DicomDate): boolean {
  return month >= 1 && month <= 12 && day >= 1 && day <= new Date(utc(year, month + 1, 0)).getUTCDate();
}

/** Milliseconds since 1970; unlike `Date.UTC`, for years below 100 too. */
function utc(year: number, month: number, day: number): number {
  return new Date(0).setUTCFullYear(year, month - 1, day);
}

function pad(number: number, length: number): string {
  return String(number).padStart(length, '0');
}
