import { monthNames } from '../identifiers/month-names.ts';

/** The ways people write a date that an attribute has as `19501211`; none for what is no date. */
export function dateSpellings(date: string): { text: string; isUsual: boolean }[] {
  const match = /^(\d{4})[.\-/]?(\d\d)[.\-/]?(\d\d)/.exec(date);
  if (match === null) return [];
  const [, year, month, day] = match as unknown as [string, string, string, string];
  const plain = [year + month + day, `${year}-${month}-${day}`];
  const texts = new Set<string>();
  const [d, m] = [String(Number(day)), String(Number(month))];
  for (const separator of ['.', '-', '/', ' ', '_', ', ', '. ']) {
    for (const [dd, mm] of [
      [day, month],
      [d, m],
    ] as const) {
      texts.add([year, mm, dd].join(separator));
      texts.add([dd, mm, year].join(separator));
      texts.add([mm, dd, year].join(separator));
    }
  }
  texts.add(day + month + year).add(month + day + year);
  for (const name of monthNames(Number(month))) {
    for (const dd of new Set([day, d])) {
      for (const separator of [' ', '-', '/', '. ', '.', '']) texts.add([dd, name, year].join(separator));
      texts.add(`${dd}. ${name} ${year}`).add(`${dd}. ${name}. ${year}`).add(`${dd} ${name}. ${year}`);
      texts.add(`${name} ${dd}, ${year}`).add(`${name} ${dd} ${year}`).add(`${name}. ${dd}, ${year}`);
    }
  }
  for (const text of plain) texts.delete(text);
  return [
    ...plain.map((text) => ({ text, isUsual: true })),
    ...[...texts].map((text) => ({ text, isUsual: false })),
  ];
}
