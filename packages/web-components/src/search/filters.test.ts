import { expect, test } from 'vitest';
import { filtersFromUrl, filtersToUrl, NO_FILTERS, searchOf } from './filters.ts';

const today = new Date(2026, 10, 23);

test('come back from the URL as they went in', () => {
  const filters = {
    ...NO_FILTERS,
    node: '2',
    name: 'Müller*',
    modalities: ['CT', 'MR'],
    period: 'range' as const,
    from: '2026-01-01',
  };
  expect(filtersFromUrl(filtersToUrl(filters))).toEqual(filters);
  expect(filtersToUrl(NO_FILTERS)).toBe('');
});

test('ignore what a URL should not hold', () => {
  expect(filtersFromUrl('period=nonsense&modalities=CT,<b>,MR&name=').modalities).toEqual(['CT', 'MR']);
  expect(filtersFromUrl('period=nonsense').period).toBe('month');
});

test('count a period of days with today as one of them', () => {
  expect(searchOf({ ...NO_FILTERS, period: 'today' }, 100, today)).toEqual({
    limit: 100,
    from: '2026-11-23',
  });
  expect(searchOf({ ...NO_FILTERS, period: 'week' }, 100, today)).toEqual({ limit: 100, from: '2026-11-17' });
  expect(searchOf({ ...NO_FILTERS, period: 'all' }, 100, today)).toEqual({ limit: 100 });
});

test('send only what was asked for', () => {
  const filters = {
    ...NO_FILTERS,
    period: 'range' as const,
    to: '2026-02-01',
    id: '1001',
    modalities: ['CT', 'MR'],
  };
  expect(searchOf(filters, 50, today)).toEqual({
    limit: 50,
    to: '2026-02-01',
    patientId: '1001',
    modality: 'CT,MR',
  });
});
