import { describe, expect, it } from 'vitest';
import type { Attributes } from '../data/attributes.ts';
import { instancePath } from './instance-path.ts';

const instance: Attributes = {
  '00080018': { vr: 'UI', Value: ['1.2.3.4'] },
  '00080020': { vr: 'DA', Value: ['20200705'] },
  '00080030': { vr: 'TM', Value: ['182823.123000'] },
  '0008103E': { vr: 'LO', Value: ['Kopf nativ 5.0 H42s'] },
  '00100020': { vr: 'LO', Value: ['1001'] },
  '0020000D': { vr: 'UI', Value: ['1.2.3'] },
  '0020000E': { vr: 'UI', Value: ['1.2.3.9'] },
  '00200011': { vr: 'IS', Value: ['+4'] },
};

/** The path of the instance with other or absent attributes. */
function pathOf(changes: Record<string, string | undefined>, modalities?: string[]): string {
  const attributes = Object.fromEntries(
    Object.entries({ ...instance }).map(([tag, attribute]) => [
      tag,
      tag in changes
        ? { vr: attribute.vr, Value: changes[tag] === undefined ? [] : [changes[tag]] }
        : attribute,
    ]),
  );
  const { folders, file } = instancePath(attributes, modalities ? { modalities } : {});
  return [...folders.map(({ name }) => name), file].join('/');
}

describe('instancePath', () => {
  it('is patient, study, series and instance', () => {
    expect(pathOf({})).toBe('1001/20200705-182823/4-Kopf nativ 5.0 H42s/1.2.3.4.dcm');
  });

  it('names the modalities of the study in one order, where they are known', () => {
    const path = '1001/20200705-182823-CT,SR/4-Kopf nativ 5.0 H42s/1.2.3.4.dcm';
    expect(pathOf({}, ['SR', 'CT', 'SR', ''])).toBe(path);
    expect(pathOf({}, ['CT', 'SR'])).toBe(path);
  });

  it('says whose each folder is', () => {
    expect(instancePath(instance).folders.map(({ owner }) => owner)).toEqual(['1001', '1.2.3', '1.2.3.9']);
  });

  it.each([
    ['no date and time', { '00080020': undefined, '00080030': undefined }, '1001/nodate-notime/4-Kopf'],
    [
      'a date of ACR-NEMA',
      { '00080020': '2020.07.05', '00080030': '18:28:23' },
      '1001/20200705-182823/4-Kopf',
    ],
    ['a time without seconds', { '00080030': '1828' }, '1001/20200705-1828/4-Kopf'],
    ['no description', { '0008103E': undefined }, '1001/20200705-182823/4-Undefined/1.2.3.4.dcm'],
    ['no series number', { '00200011': undefined }, '1001/20200705-182823/1.2.3.9/1.2.3.4.dcm'],
    ['a strange series number', { '00200011': '4a' }, '1001/20200705-182823/4a-Kopf'],
    ['no patient', { '00100020': undefined }, 'default/20200705-182823/4-Kopf'],
    ['a hostile patient', { '00100020': '../../etc' }, '__.._etc/20200705-182823/4-Kopf'],
    ['a hostile description', { '0008103E': '../..' }, '1001/20200705-182823/4-.._/1.2.3.4.dcm'],
    ['a hostile UID', { '00080018': '../x' }, '1001/20200705-182823/4-Kopf nativ 5.0 H42s/__x.dcm'],
    ['a hostile date', { '00080020': '/../..' }, '1001/__-182823/4-Kopf'],
  ])('copes with %s', (_, changes, path) => {
    expect(pathOf(changes)).toContain(path);
  });
});
