import type { PersonNameJson } from './attributes.ts';

/** One component group of a person name in its five components (PS3.5 §6.2.1.1). */
export interface PersonNameComponents {
  familyName: string;
  givenName: string;
  middleName: string;
  prefix: string;
  suffix: string;
}

/** Takes a PN value apart into its component groups: `Yamada^Tarou=山田^太郎=やまだ^たろう`. Empty groups are left out. */
export function parsePersonName(text: string): PersonNameJson {
  const [alphabetic = '', ideographic = '', phonetic = ''] = text.split('=');
  const name: PersonNameJson = {};
  if (trimGroup(alphabetic) !== '') name.Alphabetic = trimGroup(alphabetic);
  if (trimGroup(ideographic) !== '') name.Ideographic = trimGroup(ideographic);
  if (trimGroup(phonetic) !== '') name.Phonetic = trimGroup(phonetic);
  return name;
}

/** Puts the component groups of a name together as a PN value has them; trailing delimiters are left out. */
export function formatPersonName(name: PersonNameJson): string {
  return `${name.Alphabetic ?? ''}=${name.Ideographic ?? ''}=${name.Phonetic ?? ''}`.replace(/=+$/, '');
}

/** The components of one group, such as `Alphabetic`; those that are missing are empty. */
export function personNameComponents(group: string): PersonNameComponents {
  const [familyName = '', givenName = '', middleName = '', prefix = '', suffix = ''] = group
    .split('^')
    .map((component) => component.trim());
  return { familyName, givenName, middleName, prefix, suffix };
}

/** Spaces around a group mean nothing (PS3.5 §6.2.1.1). */
function trimGroup(group: string): string {
  return group.replace(/^ +| +$/g, '');
}
