import { attributesFrom, itemsOf, textsOf } from '../data/attribute-access.ts';
import type { Attributes } from '../data/attributes.ts';
import { type DicomDateTime, parseDate, parseDateTime, parseRange, parseTime } from '../data/date-time.ts';
import { type Tag, tagToHex } from '../data/tag.ts';
import { Tags } from '../data/tags.ts';
import { type Vr, vrForm } from '../data/vr.ts';
import type { Query } from './types.ts';

export interface MatchingOptions {
  /**
   * Take a range of dates and the range of times that belongs to it for one range of moments, rather than for a range of
   * days and hours on each of them (PS3.4 §C.2.2.2.5.2). Default: false.
   */
  combinedDateTime?: boolean;
  /**
   * Take no notice of case in descriptions and other texts, as many archives do; identifiers such as Patient ID and
   * Accession Number stay exact. Person names are matched so always. Default: false.
   */
  caseInsensitive?: boolean;
}

/**
 * Does an object, or an answer of a node, match the keys of a query (PS3.4 §C.2.2.2)?
 *
 * An attribute that is absent or empty matches no key but an empty one, `*` and `""`. Of attributes with several values, one
 * that matches is enough, and so is one of several values of a key.
 */
export function matches(attributes: Attributes, query: Query, options: MatchingOptions = {}): boolean {
  return matchesIdentifier(attributes, attributesFrom(query.keys), options);
}

/** The same for the keys of a C-FIND identifier: empty keys match all, sequences match by the keys of their item. */
export function matchesIdentifier(
  attributes: Attributes,
  identifier: Attributes,
  options: MatchingOptions = {},
): boolean {
  const done = options.combinedDateTime ? matchCombined(attributes, identifier) : new Set<string>();
  if (done === undefined) return false;
  for (const [key, { vr, Value: values }] of Object.entries(identifier)) {
    if (values === undefined || values.length === 0 || notMatched.has(key) || done.has(key)) continue;
    const isMatch =
      vr === 'SQ'
        ? matchesSequence(itemsOf(attributes, key), values[0] as Attributes, options)
        : matchesAttribute(
            textsOf(attributes, key),
            textsOf(identifier, key),
            vr,
            ignoresCase(key, vr, options),
          );
    if (!isMatch) return false;
  }
  return true;
}

/**
 * A filter for the answers to a query, for nodes that match some keys loosely or not at all: lets an answer pass that
 * matches, and of the answers at patient level the first of each patient, as nodes without a patient level are asked for
 * studies instead.
 */
export function createLocalFilter(
  query: Query,
  options: MatchingOptions = {},
): (answer: Attributes) => boolean {
  const identifier = Object.fromEntries(
    Object.entries(attributesFrom(query.keys)).filter(([, { Value: values = [] }]) => values.length > 0),
  );
  const patients = new Set<string>();
  return (answer) => {
    if (!matchesIdentifier(answer, identifier, options)) return false;
    if (query.level !== 'PATIENT') return true;
    const patient = JSON.stringify([
      textsOf(answer, Tags.PatientID),
      textsOf(answer, Tags.IssuerOfPatientID),
    ]);
    if (patients.has(patient)) return false;
    patients.add(patient);
    return true;
  };
}

/**
 * Wildcard matching of the whole value: `*` stands for any run of characters, `?` for one (PS3.4 §C.2.2.2.4).
 *
 * @param options.caseInsensitive Default: false
 */
export function matchesWildcard(
  value: string,
  pattern: string,
  options: { caseInsensitive?: boolean } = {},
): boolean {
  const fold = (text: string) => [...(options.caseInsensitive ? text.toLowerCase() : text).normalize('NFC')];
  const characters = fold(value);
  const signs = fold(pattern);
  let at = 0;
  let sign = 0;
  // The last `*`, and where what it stands for ended at the last try.
  let star = -1;
  let starEnd = 0;
  while (at < characters.length) {
    if (signs[sign] === '*') {
      star = sign++;
      starEnd = at;
    } else if (signs[sign] === '?' || (sign < signs.length && signs[sign] === characters[at])) {
      sign++;
      at++;
    } else if (star >= 0) {
      sign = star + 1;
      at = ++starEnd;
    } else {
      return false;
    }
  }
  while (signs[sign] === '*') sign++;
  return sign === signs.length;
}

/** Attributes of an identifier that say something about the query and match nothing (PS3.4 §C.4.1.1.3). */
const notMatched = new Set(
  [Tags.SpecificCharacterSet, Tags.QueryRetrieveLevel, Tags.TimezoneOffsetFromUTC].map(tagToHex),
);

/** VRs whose values wildcards may stand in for (PS3.4 §C.2.2.2.4); of the others `*` alone is known. */
const wildcardVrs = new Set<Vr>(['AE', 'CS', 'LO', 'LT', 'PN', 'SH', 'ST', 'UC', 'UR', 'UT']);

function matchesSequence(items: readonly Attributes[], key: Attributes, options: MatchingOptions): boolean {
  return isUniversal(key) || items.some((item) => matchesIdentifier(item, key, options));
}

/** Has the item of a key nothing to match by, at any depth? */
function isUniversal(key: Attributes): boolean {
  return Object.values(key).every(
    ({ vr, Value: values }) =>
      values === undefined ||
      values.length === 0 ||
      (vr === 'SQ' && values.every((item) => isUniversal(item as Attributes))),
  );
}

/** As a key: matches what is absent or empty (PS3.4 §C.2.2.2, Empty Value Matching). */
const EMPTY_VALUE = '""';

/** VRs of free text, and of codes and identifiers too. */
const freeTextVrs = new Set<Vr>(['LO', 'LT', 'SH', 'ST', 'UC', 'UT']);

/** Of VRs of free text, those that tell one patient or study from another by their letters. */
const identifiers = new Set(
  [
    Tags.PatientID,
    Tags.IssuerOfPatientID,
    Tags.OtherPatientIDs,
    Tags.AccessionNumber,
    Tags.StudyID,
    Tags.RequestedProcedureID,
    Tags.ClinicalTrialSubjectID,
  ].map(tagToHex),
);

function ignoresCase(key: string, vr: Vr, options: MatchingOptions): boolean {
  return vr === 'PN' || (options.caseInsensitive === true && freeTextVrs.has(vr) && !identifiers.has(key));
}

function matchesAttribute(
  texts: readonly string[],
  wanted: readonly string[],
  vr: Vr,
  caseInsensitive: boolean,
): boolean {
  // A query may hold several values in one text.
  const wantedValues = wanted.flatMap((text) => text.split('\\')).map((text) => text.trim());
  if (wantedValues.every((text) => text === '' || text === '*')) return true;
  const values = texts.filter((text) => text.trim() !== '');
  if (wantedValues.length === 1 && wantedValues[0] === EMPTY_VALUE) return values.length === 0;
  return values.some((value) => wantedValues.some((text) => matchesValue(value, text, vr, caseInsensitive)));
}

function matchesValue(value: string, wanted: string, vr: Vr, caseInsensitive: boolean): boolean {
  if (wanted === '*') return true;
  if (vr === 'PN') return matchesName(value, wanted);
  if (vr === 'DA' || vr === 'TM' || vr === 'DT') return matchesMoment(value, wanted, vr);
  if (vr === 'IS' || vr === 'DS' || vrForm(vr) === 'number') {
    return wanted !== '' && Number(value) === Number(wanted);
  }
  if (wildcardVrs.has(vr)) return matchesWildcard(value.trim(), wanted, { caseInsensitive });
  return value.trim() === wanted;
}

/**
 * Names are matched without regard to case and to delimiters at their end. A key of one component group may match any
 * group of the name, so that `山田*` finds the ideographic one; a key of several matches group by group.
 */
function matchesName(value: string, wanted: string): boolean {
  const groups = value.split('=').map(trimName);
  const keys = wanted.split('=').map(trimName);
  const isMatch = (group: string, key: string) => matchesWildcard(group, key, { caseInsensitive: true });
  if (keys.length === 1) return groups.some((group) => group !== '' && isMatch(group, keys[0]!));
  return keys.every((key, i) => key === '' || isMatch(groups[i] ?? '', key));
}

function trimName(group: string): string {
  return group
    .split('^')
    .map((component) => component.trim())
    .join('^')
    .replace(/\^+$/, '');
}

function matchesMoment(value: string, wanted: string, vr: 'DA' | 'TM' | 'DT'): boolean {
  const range = parseRange(wanted, vr) ?? { from: wanted, to: wanted };
  const isSingle = range.from === wanted;
  const moment = momentOf(value, vr, 'first');
  if (moment === undefined) return isSingle && value.trim() === wanted;
  const from = range.from === undefined ? undefined : momentOf(range.from, vr, 'first');
  const to = range.to === undefined ? undefined : momentOf(range.to, vr, isSingle ? 'first' : 'last');
  // An end that is no date or time is no open end.
  if (range.from !== undefined && from === undefined) return false;
  if (range.to !== undefined && to === undefined) return false;
  return (from === undefined || moment >= from) && (to === undefined || moment <= to);
}

/**
 * A date or time as a number that grows with it: microseconds. Of one that is less exact, the first or the last moment
 * it stands for: `-1030` ends with 10:30:59.999999.
 */
function momentOf(text: string, vr: 'DA' | 'TM' | 'DT', which: 'first' | 'last'): number | undefined {
  if (vr === 'DA') {
    const date = parseDate(text);
    return date && microseconds(date, which);
  }
  if (vr === 'TM') {
    const time = parseTime(text);
    return time && microseconds({ year: 1970, month: 1, day: 1, ...time }, which);
  }
  const dateTime = parseDateTime(text);
  return dateTime && microseconds(dateTime, which);
}

function microseconds(moment: DicomDateTime, which: 'first' | 'last'): number {
  const last = which === 'last';
  const {
    year,
    month = last ? 12 : 1,
    hour = last ? 23 : 0,
    minute = last ? 59 : 0,
    second = last ? 59 : 0,
  } = moment;
  const lastDay = new Date(new Date(0).setUTCFullYear(year, month, 0)).getUTCDate();
  const { day = last ? lastDay : 1, microsecond = last ? 999_999 : 0, offset = 0 } = moment;
  const midnight = new Date(0).setUTCFullYear(year, month - 1, day);
  const seconds = midnight / 1000 + (hour * 60 + minute - offset) * 60 + second;
  return seconds * 1_000_000 + microsecond;
}

/** Dates and the times that belong to them. */
const dateTimePairs: readonly (readonly [Tag, Tag])[] = [
  [Tags.StudyDate, Tags.StudyTime],
  [Tags.SeriesDate, Tags.SeriesTime],
  [Tags.AcquisitionDate, Tags.AcquisitionTime],
  [Tags.ContentDate, Tags.ContentTime],
  [Tags.InstanceCreationDate, Tags.InstanceCreationTime],
  [Tags.PatientBirthDate, Tags.PatientBirthTime],
  [Tags.ScheduledProcedureStepStartDate, Tags.ScheduledProcedureStepStartTime],
  [Tags.PerformedProcedureStepStartDate, Tags.PerformedProcedureStepStartTime],
];

/** The keys that were matched as pairs of date and time; undefined when a pair does not match. */
function matchCombined(attributes: Attributes, identifier: Attributes): Set<string> | undefined {
  const done = new Set<string>();
  for (const [dateTag, timeTag] of dateTimePairs) {
    const [dates = ''] = textsOf(identifier, dateTag);
    const [times = ''] = textsOf(identifier, timeTag);
    if (dates === '' || times === '' || dates === '*' || times === '*') continue;
    const dateRange = parseRange(dates, 'DA') ?? { from: dates, to: dates };
    const timeRange = parseRange(times, 'TM') ?? { from: times, to: times };
    const [date = ''] = textsOf(attributes, dateTag);
    const [time = ''] = textsOf(attributes, timeTag);
    const moment = combined(date, time, 'first');
    const from = dateRange.from === undefined ? undefined : combined(dateRange.from, timeRange.from, 'first');
    const to = dateRange.to === undefined ? undefined : combined(dateRange.to, timeRange.to, 'last');
    if (moment === undefined) return undefined;
    if (dateRange.from !== undefined && (from === undefined || moment < from)) return undefined;
    if (dateRange.to !== undefined && (to === undefined || moment > to)) return undefined;
    done.add(tagToHex(dateTag)).add(tagToHex(timeTag));
  }
  return done;
}

/** A day and a time of it; without a time, the first or last moment of the day. */
function combined(
  dateText: string,
  timeText: string | undefined,
  which: 'first' | 'last',
): number | undefined {
  const date = parseDate(dateText);
  const time = timeText === undefined ? {} : parseTime(timeText);
  return date && time && microseconds({ ...date, ...time }, which);
}
