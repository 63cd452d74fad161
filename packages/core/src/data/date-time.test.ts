import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatAge, parseAge } from './age.ts';
import {
  addDays,
  daysBetween,
  formatDate,
  parseDate,
  parseDateTime,
  parseRange,
  parseTime,
} from './date-time.ts';

describe('dates', () => {
  it('are days of the calendar', () => {
    expect(parseDate('20240229')).toEqual({ year: 2024, month: 2, day: 29 });
    expect(parseDate('1950.12.11')).toEqual({ year: 1950, month: 12, day: 11 });
    expect(parseDate(' 19000101 ')).toEqual({ year: 1900, month: 1, day: 1 });
    for (const text of [
      '',
      '20230229',
      '00000000',
      '20241301',
      '20240100',
      '2024',
      '2024-01-01',
      '202401011',
      '2024.0101',
    ]) {
      expect(parseDate(text), text).toBeUndefined();
    }
  });

  it('are counted in days', () => {
    expect(formatDate(addDays({ year: 2024, month: 2, day: 28 }, 2))).toBe('20240301');
    expect(formatDate(addDays({ year: 1900, month: 1, day: 1 }, -1))).toBe('18991231');
    const date = fc
      .date({
        min: new Date('0001-01-01T00:00:00Z'),
        max: new Date('9000-01-01T00:00:00Z'),
        noInvalidDate: true,
      })
      .map((d) => ({ year: d.getUTCFullYear(), month: d.getUTCMonth() + 1, day: d.getUTCDate() }));
    fc.assert(
      fc.property(date, fc.integer({ min: -300, max: 100_000 }), (from, days) => {
        const to = addDays(from, days);
        expect(daysBetween(from, to)).toBe(days);
        if (to.year > 0) expect(parseDate(formatDate(to))).toEqual(to);
      }),
    );
  });
});

describe('times', () => {
  it('are as exact as they are written', () => {
    expect(parseTime('07')).toEqual({ hour: 7 });
    expect(parseTime('0709')).toEqual({ hour: 7, minute: 9 });
    expect(parseTime('070907.0705 ')).toEqual({ hour: 7, minute: 9, second: 7, microsecond: 70_500 });
    expect(parseTime('10:45:60')).toEqual({ hour: 10, minute: 45, second: 60 });
    for (const text of ['', '7', '24', '0760', '070961', '0709.5', '070907.', '070907.1234567', 'noon']) {
      expect(parseTime(text), text).toBeUndefined();
    }
  });
});

describe('dates with times', () => {
  it('are as exact as they are written', () => {
    expect(parseDateTime('2024')).toEqual({ year: 2024 });
    expect(parseDateTime('202402')).toEqual({ year: 2024, month: 2 });
    expect(parseDateTime('20240229101500.5+0130')).toEqual({
      year: 2024,
      month: 2,
      day: 29,
      hour: 10,
      minute: 15,
      second: 0,
      microsecond: 500_000,
      offset: 90,
    });
    expect(parseDateTime('2024-0500')).toEqual({ year: 2024, offset: -300 });
    for (const text of [
      '',
      '24',
      '202413',
      '20240230',
      '2024022924',
      '20240229+1500',
      '20240229-1230',
      '20240229+0060',
    ]) {
      expect(parseDateTime(text), text).toBeUndefined();
    }
  });
});

describe('ranges', () => {
  it('have one end or two', () => {
    expect(parseRange('20240101-20240131', 'DA')).toEqual({ from: '20240101', to: '20240131' });
    expect(parseRange('-20240131', 'DA')).toEqual({ from: undefined, to: '20240131' });
    expect(parseRange('20240101-', 'DA')).toEqual({ from: '20240101', to: undefined });
    expect(parseRange('1000-1130', 'TM')).toEqual({ from: '1000', to: '1130' });
    expect(parseRange('20240101', 'DA')).toBeUndefined();
    expect(parseRange('-', 'DA')).toBeUndefined();
  });

  it('of DT are told from offsets', () => {
    expect(parseRange('2024-0500', 'DT')).toBeUndefined();
    expect(parseRange('2024-2025', 'DT')).toEqual({ from: '2024', to: '2025' });
    expect(parseRange('20240101-0500-20240201-0500', 'DT')).toEqual({
      from: '20240101-0500',
      to: '20240201-0500',
    });
    expect(parseRange('20240101-0500-', 'DT')).toEqual({ from: '20240101-0500', to: undefined });
    expect(parseRange('-20240201+0100', 'DT')).toEqual({ from: undefined, to: '20240201+0100' });
    expect(parseRange('20240101+0100', 'DT')).toBeUndefined();
  });
});

describe('ages', () => {
  it('are read and written', () => {
    expect(parseAge('045Y')).toEqual({ value: 45, unit: 'Y' });
    expect(parseAge('6M ')).toEqual({ value: 6, unit: 'M' });
    expect(formatAge({ value: 6, unit: 'M' })).toBe('006M');
    for (const text of ['', '45', 'Y', '1000Y', '045y', '4.5Y']) expect(parseAge(text), text).toBeUndefined();
  });
});
