import type { PersonName } from '@adit/client';

/** What stands where a value is missing. */
export const MISSING = '–';

const numbers = new Intl.NumberFormat('en', { useGrouping: true });

/** A count with thin groups: `1 204`. */
export function formatCount(value: number | undefined): string {
  return value === undefined ? MISSING : numbers.format(value).replaceAll(',', '\u202f');
}

/** Bytes with a decimal unit: `212 MB`. */
export function formatBytes(bytes: number | undefined): string {
  if (bytes === undefined) return MISSING;
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let value = bytes;
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${unit === 0 || value >= 10 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}

/** Seconds as people say them: `0.4 s`, `9 s`, `2 min 5 s`, `1 h 10 min`. */
export function formatDuration(seconds: number): string {
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
}

/**
 * A person name as it is read: `Doe, John`. Without an alphabetic group the ideographic one is shown, and with both the
 * alphabetic one comes first.
 */
export function formatName(name: PersonName | undefined): string {
  const groups = [name?.alphabetic, name?.ideographic].map((group) => readable(group ?? '')).filter(Boolean);
  return groups.length === 0 ? MISSING : groups.join(' · ');
}

/** Components of a name are family, given, middle, prefix, suffix (PS3.5 §6.2.1.1). */
function readable(group: string): string {
  const [family = '', given = '', middle = '', prefix = '', suffix = ''] = group
    .split('^')
    .map((part) => part.trim());
  const first = [prefix, given, middle].filter(Boolean).join(' ');
  return [[family, first].filter(Boolean).join(', '), suffix].filter(Boolean).join(' ');
}

/** A point in time in the user's own zone: today as `18:02`, other days as `2026-11-20 18:02`. */
export function formatTime(timestamp: string | undefined, now = new Date()): string {
  if (timestamp === undefined) return MISSING;
  const time = new Date(timestamp);
  const two = (value: number) => String(value).padStart(2, '0');
  const clock = `${two(time.getHours())}:${two(time.getMinutes())}`;
  if (time.toDateString() === now.toDateString()) return clock;
  return `${time.getFullYear()}-${two(time.getMonth() + 1)}-${two(time.getDate())} ${clock}`;
}
