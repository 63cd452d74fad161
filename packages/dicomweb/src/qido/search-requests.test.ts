import { returnKeys } from '@adit/core';
import { describe, expect, it } from 'vitest';
import { searchRequests } from './search-requests.ts';

/** The paths without the attributes they ask for. */
const paths = (...query: Parameters<typeof searchRequests>) =>
  searchRequests(...query).map(({ path }) => path.replaceAll(/(&|(?<=\?))includefield=[^&]*/g, ''));

const includes = (...query: Parameters<typeof searchRequests>) =>
  new URLSearchParams(searchRequests(...query)[0]!.path.split('?')[1]).getAll('includefield');

describe('searchRequests', () => {
  it('filters by keyword, whatever way the key is written', () => {
    const expected = ['/studies?PatientID=1'];
    expect(paths({ level: 'STUDY', keys: { PatientID: '1' } })).toEqual(expected);
    expect(paths({ level: 'STUDY', keys: { '00100020': '1' } })).toEqual(expected);
    expect(paths({ level: 'STUDY', keys: { '00091010': 'x' } })).toEqual(['/studies?00091010=x']);
  });

  it('encodes umlauts, separators and ranges', () => {
    expect(
      paths({ level: 'STUDY', keys: { PatientName: 'Müller^J?rg*&x=1', StudyDate: '20240101-20240131' } }),
    ).toEqual(['/studies?PatientName=M%C3%BCller%5EJ?rg*%26x%3D1&StudyDate=20240101-20240131']);
  });

  it.each([
    [{ PatientName: 'Müller^Jörg' }, '/studies?PatientName=M*ller*J*rg'],
    [{ PatientName: 'Ab^*ü?*c' }, '/studies?PatientName=Ab*?*c'],
    [
      { StudyDescription: 'Schädel nativ', PatientID: '1' },
      '/studies?StudyDescription=Sch*del*nativ&PatientID=1',
    ],
    [{ PatientName: '山田^太郎' }, undefined],
    [{ PatientName: 'Ü^x*' }, undefined],
    [{ PatientName: 'Doe*', PatientID: '1-2_3' }, undefined],
    [{ StudyDate: '20240101-', StudyInstanceUID: '1.2' }, undefined],
  ])('knows a looser search for %j', (keys, looser) => {
    const [request] = searchRequests({ level: 'STUDY', keys: keys as Record<string, string> });
    expect(request!.looser?.path.replaceAll(/&includefield=[^&]*/g, '')).toBe(looser);
  });

  it('asks for the usual attributes and for every key', () => {
    const asked = includes({ level: 'STUDY', keys: { BodyPartExamined: '', StudyDate: '*' } });
    expect(asked).toEqual(expect.arrayContaining([...returnKeys('STUDY'), 'BodyPartExamined', 'StudyDate']));
    expect(new Set(asked).size).toBe(asked.length);
    expect(paths({ level: 'STUDY', keys: { BodyPartExamined: '', StudyDate: '*' } })).toEqual(['/studies?']);
  });

  it('searches studies for patients', () => {
    expect(paths({ level: 'PATIENT', keys: { PatientID: '1' } })).toEqual(['/studies?PatientID=1']);
  });

  it('puts single UIDs into the path and says that it knows them', () => {
    const study = { StudyInstanceUID: '1.2' };
    expect(paths({ level: 'STUDY', keys: study })).toEqual(['/studies?StudyInstanceUID=1.2']);
    expect(paths({ level: 'SERIES', keys: study })).toEqual(['/studies/1.2/series?']);
    expect(paths({ level: 'IMAGE', keys: study })).toEqual(['/studies/1.2/instances?']);
    const [request] = searchRequests({ level: 'IMAGE', keys: { ...study, SeriesInstanceUID: '1.3' } });
    expect(request!.path).toMatch(/^\/studies\/1\.2\/series\/1\.3\/instances\?/);
    expect(request!.known).toEqual({
      '0020000D': { vr: 'UI', Value: ['1.2'] },
      '0020000E': { vr: 'UI', Value: ['1.3'] },
    });
  });

  it('searches across studies where it must', () => {
    expect(paths({ level: 'SERIES', keys: { Modality: 'CT' } })).toEqual(['/series?Modality=CT']);
    expect(paths({ level: 'IMAGE', keys: { SeriesInstanceUID: '1.3' } })).toEqual([
      '/instances?SeriesInstanceUID=1.3',
    ]);
  });

  it('never puts anything but a UID into the path', () => {
    expect(paths({ level: 'SERIES', keys: { StudyInstanceUID: '../x' } })).toEqual([
      '/series?StudyInstanceUID=..%2Fx',
    ]);
  });

  it('lists UIDs in one request, and divides long lists', () => {
    const uids = Array.from({ length: 60 }, (_, i) => `1.${i}`);
    const requests = searchRequests({ level: 'STUDY', keys: { StudyInstanceUID: uids.join('\\') } });
    expect(requests).toHaveLength(2);
    expect(requests[0]!.path).toContain('StudyInstanceUID=1.0,1.1,1.2,');
    expect(requests[1]!.path).toContain('StudyInstanceUID=1.50,');
  });

  it('knows how many matches a search for UIDs can have', () => {
    const atMost = (level: 'STUDY' | 'SERIES', value: string) =>
      searchRequests({ level, keys: { StudyInstanceUID: value } })[0]!.atMost;
    expect(atMost('STUDY', '1.2')).toBe(1);
    expect(atMost('STUDY', '1.2\\1.3')).toBe(2);
    expect(atMost('SERIES', '1.2')).toBeUndefined();
    expect(atMost('STUDY', '')).toBeUndefined();
  });

  it('asks for other values one at a time', () => {
    expect(paths({ level: 'STUDY', keys: { ModalitiesInStudy: 'CT\\MR', PatientSex: 'F\\M' } })).toEqual([
      '/studies?ModalitiesInStudy=CT&PatientSex=F',
      '/studies?ModalitiesInStudy=CT&PatientSex=M',
      '/studies?ModalitiesInStudy=MR&PatientSex=F',
      '/studies?ModalitiesInStudy=MR&PatientSex=M',
    ]);
    expect(paths({ level: 'STUDY', keys: { ModalitiesInStudy: 'CT\\*' } })).toEqual(['/studies?']);
  });

  it.each([
    [{ PatientShoeSize: '1' }],
    [{ ReferencedStudySequence: 'x' }],
    [{ PatientID: Array.from({ length: 101 }, (_, i) => i).join('\\') }],
  ])('refuses %.40j', (keys) => {
    expect(() => searchRequests({ level: 'STUDY', keys: keys as Record<string, string> })).toThrow(
      expect.objectContaining({ code: 'INVALID_QUERY' }),
    );
  });
});
