import { type DicomDate, daysBetween, formatAge, parseAge, parseDate } from '@adit/core';

/**
 * What becomes of Patient's Age (0010,1010) where patient characteristics are retained: the age that is there, or else the
 * one at the date of the study. Whoever is older than `maximum` years becomes that old. Undefined where no age is known.
 *
 * @param age value of (0010,1010), trimmed; empty where there is none
 * @param birthDate value of (0010,0030)
 * @param studyDate value of (0008,0020)
 */
export function retainedAge(
  age: string,
  birthDate: string,
  studyDate: string,
  maximum: number | undefined,
): string | undefined {
  const text = parseAge(age) === undefined ? ageBetween(parseDate(birthDate), parseDate(studyDate)) : age;
  if (text === undefined || maximum === undefined) return text;
  const { value, unit } = parseAge(text)!;
  const years = value / { D: 365.2425, W: 52.1775, M: 12, Y: 1 }[unit];
  return years > maximum ? formatAge({ value: maximum, unit: 'Y' }) : text;
}

/** In years from the second birthday on, in months and days below. */
function ageBetween(birth: DicomDate | undefined, day: DicomDate | undefined): string | undefined {
  if (birth === undefined || day === undefined) return undefined;
  const days = daysBetween(birth, day);
  if (days < 0) return undefined;
  const months = (day.year - birth.year) * 12 + day.month - birth.month - (day.day < birth.day ? 1 : 0);
  if (months >= 24) {
    const years = Math.floor(months / 12);
    return years > 150 ? undefined : formatAge({ value: years, unit: 'Y' });
  }
  return months >= 3 ? formatAge({ value: months, unit: 'M' }) : formatAge({ value: days, unit: 'D' });
}
