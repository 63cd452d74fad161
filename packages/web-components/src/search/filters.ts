import type { StudySearch } from '@adit/client';

/** What the user asks for, as the fields have it. */
export interface Filters {
  node: string;
  name: string;
  id: string;
  born: string;
  description: string;
  accession: string;
  modalities: readonly string[];
  period: Period;
  /** First and last day, where the period is `range`. */
  from: string;
  to: string;
}

export const PERIODS = {
  today: 'Today',
  week: 'Last 7 days',
  month: 'Last 30 days',
  year: 'Last 12 months',
  all: 'Any time',
  range: 'From … to …',
} as const;

export type Period = keyof typeof PERIODS;

const DAYS: Partial<Record<Period, number>> = { today: 1, week: 7, month: 30, year: 365 };

export const NO_FILTERS: Filters = {
  node: '',
  name: '',
  id: '',
  born: '',
  description: '',
  accession: '',
  modalities: [],
  period: 'month',
  from: '',
  to: '',
};

/** Filters as they stand in the URL; what is as usual is left out. */
export function filtersToUrl(filters: Filters): string {
  const url = new URLSearchParams();
  for (const [key, value] of Object.entries(filters)) {
    const text = Array.isArray(value) ? value.join(',') : String(value);
    const usual = NO_FILTERS[key as keyof Filters];
    if (text !== (Array.isArray(usual) ? usual.join(',') : usual)) url.set(key, text);
  }
  return url.toString();
}

export function filtersFromUrl(search: string): Filters {
  const url = new URLSearchParams(search);
  const text = (key: keyof Filters) => (url.get(key) ?? '').slice(0, 64);
  const period = url.get('period') ?? '';
  return {
    node: text('node'),
    name: text('name'),
    id: text('id'),
    born: text('born'),
    description: text('description'),
    accession: text('accession'),
    modalities: (url.get('modalities') ?? '')
      .split(',')
      .filter((modality) => /^[A-Z0-9_]{1,16}$/.test(modality)),
    period: period in PERIODS ? (period as Period) : NO_FILTERS.period,
    from: text('from'),
    to: text('to'),
  };
}

/** The request that filters mean. `today` is given for tests. */
export function searchOf(filters: Filters, limit: number, today = new Date()): StudySearch {
  const search: StudySearch = { limit };
  const days = DAYS[filters.period];
  if (days !== undefined) {
    search.from = isoDay(new Date(today.getFullYear(), today.getMonth(), today.getDate() - days + 1));
  } else if (filters.period === 'range') {
    if (filters.from) search.from = filters.from;
    if (filters.to) search.to = filters.to;
  }
  if (filters.name) search.patientName = filters.name;
  if (filters.id) search.patientId = filters.id;
  if (filters.born) search.patientBirthDate = filters.born;
  if (filters.description) search.description = filters.description;
  if (filters.accession) search.accessionNumber = filters.accession;
  if (filters.modalities.length > 0) search.modality = filters.modalities.join(',');
  return search;
}

function isoDay(day: Date): string {
  const two = (value: number) => String(value).padStart(2, '0');
  return `${day.getFullYear()}-${two(day.getMonth() + 1)}-${two(day.getDate())}`;
}
