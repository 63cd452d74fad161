import { html, nothing, type TemplateResult } from 'lit';
import { live } from 'lit/directives/live.js';
import '@awesome.me/webawesome/dist/components/input/input.js';
import type { Filters } from './filters.ts';

/** A change of the filters; `later` waits until the user has stopped typing. */
export interface FilterChange {
  change: Partial<Filters>;
  when: 'now' | 'later';
}

type Key = 'name' | 'id' | 'born' | 'description' | 'accession' | 'from' | 'to';

const FIELDS: Record<Key, { label: string; type: 'text' | 'date' }> = {
  name: { label: 'Patient name', type: 'text' },
  id: { label: 'Patient ID', type: 'text' },
  born: { label: 'Born', type: 'date' },
  description: { label: 'Description', type: 'text' },
  accession: { label: 'Accession number', type: 'text' },
  from: { label: 'First day', type: 'date' },
  to: { label: 'Last day', type: 'date' },
};

/** A field of text or date. Its label shows above it, or stays hidden where a column head says the same. */
export function filterField(
  key: Key,
  filters: Filters,
  onChange: (change: FilterChange) => void,
  options: { hideLabel?: boolean } = {},
): TemplateResult {
  const { label, type } = FIELDS[key];
  const { hideLabel = false } = options;
  const changeOf = (event: Event) => ({ [key]: (event.currentTarget as HTMLInputElement).value ?? '' });
  return html`<wa-input
    type=${type}
    class=${hideLabel ? 'bare' : nothing}
    label=${label}
    placeholder=${hideLabel && type === 'text' ? 'Any' : nothing}
    maxlength="64"
    autocomplete="off"
    .value=${live(filters[key])}
    @input=${(event: Event) => onChange({ change: changeOf(event), when: 'later' })}
    @keydown=${(event: KeyboardEvent) => {
      if (event.key !== 'Enter') return;
      event.preventDefault();
      onChange({ change: changeOf(event), when: 'now' });
    }}
  ></wa-input>`;
}
