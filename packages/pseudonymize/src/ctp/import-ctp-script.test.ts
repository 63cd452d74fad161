import { describe, expect, test } from 'vitest';
import { pseudonymTable } from '../pseudonyms/pseudonym-table.ts';
import { parseRecipe } from '../recipe/recipe.ts';
import { type CtpImportOptions, importCtpScript } from './import-ctp-script.ts';

const escaped = (text: string) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');

/** A script with one attribute, and the switches that leave nothing to note about the whole. */
function script(tag: string, code: string, more = ''): string {
  return `<script>
    <p t="DATEINC">-3210</p>
    <p t="SITE">Site &amp; Co</p>
    <p t="UIDROOT">1.2.3</p>
    <e en="T" t="${tag}" n="Name">${escaped(code)}</e>
    <r en="T" t="curves">Remove curves</r>
    <r en="T" t="overlays">Remove overlays</r>
    <r en="T" t="privategroups">Remove private groups</r>
    ${more}
  </script>`;
}

/** Rules and notes of one attribute; what is noted about the whole script is left out. */
function importOne(tag: string, code: string, options: CtpImportOptions = {}) {
  const { recipe, notes, pseudonyms } = importCtpScript(script(tag, code), options);
  const own = notes.filter(({ tag }) => tag !== undefined);
  return { recipe, rules: recipe.rules, notes: own.map(({ kind }) => kind), pseudonyms };
}

describe('a function of CTP becomes a rule', () => {
  test.each([
    ['@keep()', '00081030', [{ keyword: 'StudyDescription', action: 'keep' }]],
    ['@remove()', '00081030', [{ keyword: 'StudyDescription', action: 'remove' }]],
    ['@always()@remove()', '00081030', [{ keyword: 'StudyDescription', action: 'remove' }]],
    ['@empty()', '00080090', [{ keyword: 'ReferringPhysicianName', action: 'empty' }]],
    ['@blank(3)', '00080090', [{ keyword: 'ReferringPhysicianName', action: 'empty' }]],
    ['', '00080090', [{ keyword: 'ReferringPhysicianName', action: 'empty' }]],
    ['@hashuid(@UIDROOT,this)', '0020000D', [{ keyword: 'StudyInstanceUID', action: 'map-uid' }]],
    ['@contents(this)', '00081030', [{ keyword: 'StudyDescription', action: 'keep' }]],
    ['@process()', '00540016', [{ keyword: 'RadiopharmaceuticalInformationSequence', action: 'keep' }]],
    ['Hospital', '00080080', [{ keyword: 'InstitutionName', action: 'replace', value: 'Hospital' }]],
    ['@param(@SITE)', '00080080', [{ keyword: 'InstitutionName', action: 'replace', value: 'Site & Co' }]],
    [
      'of @param(@SITE)!',
      '00080080',
      [{ keyword: 'InstitutionName', action: 'replace', value: 'of Site & Co!' }],
    ],
    ['@round(this,5)', '00101010', [{ keyword: 'PatientAge', action: 'round-age', years: 5 }]],
    ['@round(PatientAge,5)', '00101010', [{ keyword: 'PatientAge', action: 'round-age', years: 5 }]],
    ['@initials(this)', '00080090', [{ keyword: 'ReferringPhysicianName', action: 'initials' }]],
    [
      '@modifydate(this,*,1,1)',
      '00100030',
      [{ keyword: 'PatientBirthDate', action: 'round-date', to: 'year' }],
    ],
    ['@modifydate(this,*,*,01)', '00080020', [{ keyword: 'StudyDate', action: 'round-date', to: 'month' }]],
    ['@modifydate(this,*,*,*)', '00080020', [{ keyword: 'StudyDate', action: 'keep' }]],
    [
      '@modifydate(this,2000,1,1)',
      '00080020',
      [{ keyword: 'StudyDate', action: 'replace', value: '20000101' }],
    ],
    ['@quarantine()', '00420011', [{ keyword: 'EncapsulatedDocument', action: 'hold-back' }]],
    ['@incrementdate(this,@DATEINC)', '00080030', [{ keyword: 'StudyTime', action: 'keep' }]],
    ['@keep()', '00090011', []],
  ] as const)('%s of %s, with nothing to note', (code, tag, rules) => {
    const imported = importOne(tag, code);
    expect(imported.rules).toEqual(rules);
    if (tag !== '00090011') expect(imported.notes).toEqual([]);
  });

  test.each([
    ['@require()', '00080060', [{ keyword: 'Modality', action: 'keep' }]],
    ['@hash(this,8)', '00081010', [{ keyword: 'StationName', action: 'hash', length: 8 }]],
    ['@hash(this)', '00081010', [{ keyword: 'StationName', action: 'hash', length: 51 }]],
    ['@hashname(this,6,2)', '00080090', [{ keyword: 'ReferringPhysicianName', action: 'hash', length: 6 }]],
    ['@hash(PatientID,10)', '00120040', [{ keyword: 'ClinicalTrialSubjectID', action: 'pseudonym' }]],
    ['@hashptid(@SITE,PatientID)', '00120040', [{ keyword: 'ClinicalTrialSubjectID', action: 'pseudonym' }]],
    ['@always()Hospital', '00080080', [{ keyword: 'InstitutionName', action: 'replace', value: 'Hospital' }]],
    [
      '@modifydate(this,*,7,1)',
      '00100030',
      [{ keyword: 'PatientBirthDate', action: 'round-date', to: 'year' }],
    ],
    ['@skip()', '00420011', [{ keyword: 'EncapsulatedDocument', action: 'hold-back' }]],
  ] as const)('%s of %s, and what differs is noted', (code, tag, rules) => {
    const imported = importOne(tag, code);
    expect(imported.rules).toEqual(rules);
    expect(imported.notes).toEqual(['differs']);
  });

  test('@date and @time are those of the import, where they are given', () => {
    const imported = importOne('00120050', '@date(-)', { date: '20261125' });
    expect(imported.rules).toEqual([
      { keyword: 'ClinicalTrialTimePointID', action: 'replace', value: '2026-11-25' },
    ]);
    expect(imported.notes).toEqual(['differs']);
    const time = importOne('00120050', '@time(:)', { time: '182938' });
    expect(time.rules).toEqual([
      { keyword: 'ClinicalTrialTimePointID', action: 'replace', value: '18:29:38' },
    ]);
    expect(time.notes).toEqual(['differs']);
  });

  test('the tags of a trial are those of the recipe', () => {
    expect(importOne('00120020', 'LUNG-1').recipe).toMatchObject({
      trial: { protocolId: 'LUNG-1' },
      rules: [],
    });
  });
});

describe('conditions', () => {
  test.each([
    ['@if(Modality,equals,MR)', { keyword: 'Modality', is: 'equal', value: 'MR' }],
    ['@if(this,isblank)', { keyword: 'StudyDescription', is: 'blank' }],
    ['@if([0008,0060],exists)', { keyword: 'Modality', is: 'present' }],
    ['@if(00080008,contains,"SECONDARY")', { keyword: 'ImageType', is: 'containing', value: 'SECONDARY' }],
    ['@if(SeriesNumber,greaterthan,@DATEINC)', { keyword: 'SeriesNumber', is: 'greater', value: '-3210' }],
    ['@if(Modality,matches,"[CM][TR]")', { keyword: 'Modality', is: 'matching', value: '[CM][TR]' }],
  ])('%s', (condition, when) => {
    const imported = importOne('00081030', `${condition}{@keep()}{@remove()}`);
    expect(imported.rules).toEqual([
      { keyword: 'StudyDescription', action: 'keep', when },
      { keyword: 'StudyDescription', action: 'remove' },
    ]);
    expect(imported.notes).toEqual([]);
  });

  test('one after the other', () => {
    const code = '@if(Modality,equals,MR){@keep()}{@if(Modality,equals,CT){x}{@remove()}}';
    expect(importOne('00081030', code).rules).toMatchObject([
      { action: 'keep', when: { value: 'MR' } },
      { action: 'replace', value: 'x', when: { value: 'CT' } },
      { action: 'remove' },
    ]);
  });

  test('one within the other removes, and says so', () => {
    const code = '@if(Modality,equals,MR){@if(this,isblank){a}{b}}{@keep()}';
    const imported = importOne('00081030', code);
    expect(imported.rules).toMatchObject([{ action: 'remove', when: { value: 'MR' } }, { action: 'keep' }]);
    expect(imported.notes).toEqual(['left-out']);
  });
});

describe('dates', () => {
  const dates = (codes: readonly string[]) =>
    importCtpScript(
      `<script><p t="DATEINC">-3210</p>${codes
        .map((code, index) => `<e en="T" t="0008002${index}">${code}</e>`)
        .join('')}</script>`,
    ).recipe;

  test('that all move by one number of days move so everywhere', () => {
    expect(dates(['@incrementdate(this,@DATEINC)', '@incrementdate(this,-3210)'])).toMatchObject({
      dates: { action: 'shift', days: { from: 3210, to: 3210 } },
      rules: [
        { keyword: 'StudyDate', action: 'shift-date' },
        { keyword: 'SeriesDate', action: 'shift-date' },
      ],
    });
  });

  test('that move by different numbers, or into the future, keep theirs', () => {
    const recipe = dates(['@incrementdate(this,@DATEINC)', '@incrementdate(this,7)']);
    expect(recipe.dates).toBeUndefined();
    expect(recipe.rules).toMatchObject([{ days: -3210 }, { days: 7 }]);
  });

  test('that move by a hash of the Patient ID move by the number of the patient', () => {
    expect(dates(['@hashdate(this,PatientID)'])).toMatchObject({
      dates: { action: 'shift' },
      rules: [{ keyword: 'StudyDate', action: 'shift-date' }],
    });
  });
});

describe('a lookup table', () => {
  const table = '# stations\nst/CT1 = Scanner A\nst/CT\\=2=@st/CT1\nptid/1001 = P1\nptid/1002=P,2\n';

  test('for other attributes becomes rules with conditions; who is not in it is held back', () => {
    const imported = importOne('00081010', '@lookup(this,st)', { lookupTable: table });
    expect(imported.rules).toEqual([
      {
        keyword: 'StationName',
        action: 'replace',
        value: 'Scanner A',
        when: { keyword: 'StationName', is: 'equal', value: 'CT1' },
      },
      {
        keyword: 'StationName',
        action: 'replace',
        value: 'Scanner A',
        when: { keyword: 'StationName', is: 'equal', value: 'CT=2' },
      },
      { keyword: 'StationName', action: 'hold-back' },
    ]);
  });

  test.each([
    ['@lookup(this,st,remove)', { action: 'remove' }],
    ['@lookup(this,st,default,"other")', { action: 'replace', value: 'other' }],
  ])('%s', (code, last) => {
    expect(importOne('00081010', code, { lookupTable: table }).rules?.at(-1)).toMatchObject(last);
  });

  test('for Patient IDs becomes a table of pseudonyms', () => {
    const imported = importOne('00100020', '@lookup(this,ptid)', { lookupTable: table });
    expect(imported.rules).toEqual([]);
    expect(imported.notes).toEqual(['differs']);
    const pseudonymOf = pseudonymTable(imported.pseudonyms!);
    expect(pseudonymOf({ issuer: '', patientId: '1002' })).toBe('P,2');
  });
});

describe('what is not understood is removed, and noted', () => {
  test.each([
    '@encrypt(this,@KEY)',
    '@modifydate(this,*,1,1)', // It is no date.
    '@modifydate(this,*,1)',
    '@modifydate(PatientBirthDate,*,1,1)',
    '@lookup(this,st)',
    '@integer(this,ptid,4)',
    '@contents(PatientID)',
    '@contents(this,"a","b")',
    '@hash(AccessionNumber,8)',
    '@param(@ABSENT)',
    '@date()',
    '@time()',
    '@keep',
    '@frobnicate(this)',
    '@if(NoSuchKeyword,exists){@keep()}{@keep()}',
    '@if(this,matches,"("){@keep()}{@keep()}',
    '@select(){@keep()}{@remove()}',
    'a@keep()',
  ])('%s', (code) => {
    const imported = importOne('00081030', code);
    expect(imported.rules).toEqual([{ keyword: 'StudyDescription', action: 'remove' }]);
    expect(imported.notes).toEqual(['left-out']);
  });

  test.each([
    ['00080060', '@hashuid(@UIDROOT,this)'],
    ['00080060', '@incrementdate(this,@DATEINC)'],
    ['00280010', '@hash(this)'],
    ['00080060', '@round(this,5)'],
    ['00080020', '@initials(this)'],
    ['00080020', '@modifydate(this,2023,2,30)'],
    ['00080020', '@modifydate(this,2023,*,*)'],
    ['00080020', '@modifydate(this,*,1,*)'],
    ['00081140', 'text'],
  ])('a function that does not fit the attribute %s: %s', (tag, code) => {
    const imported = importOne(tag, code);
    expect(imported.rules).toMatchObject([{ action: 'remove' }]);
    expect(imported.notes).toContain('left-out');
  });

  test('private attributes, the other codes and elements that are not known', () => {
    expect(importOne('00131010', '@param(@SITE)')).toMatchObject({ rules: [], notes: ['left-out'] });
    expect(importOne('0012006', '@keep()').notes).toEqual([]);
    const { notes } = importCtpScript(
      script('00080060', '@keep()', '<x en="T">y</x><r en="T" t="sounds"/><k en="T" t="0019">private</k>'),
    );
    expect(notes.filter(({ kind }) => kind === 'left-out').map(({ code }) => code)).toEqual([
      '<x>',
      'sounds',
      '0019',
    ]);
  });
});

describe('the whole script', () => {
  test('what is switched off is not there', () => {
    const { recipe } = importCtpScript(
      script('00080060', '@keep()', '<e en="F" t="00081030">@keep()</e><k en="F" t="0018">no</k>'),
    );
    expect(recipe.rules).toEqual([{ keyword: 'Modality', action: 'keep' }]);
  });

  test('codes of what is performed are options, as far as a script performs them', () => {
    const { recipe, notes } = importCtpScript(
      script('00120064', '113100/113101/113105/113108/999', '<k en="T" t="safeprivateelements"/>'),
    );
    expect(recipe.options).toEqual(['cleanDescriptors', 'retainPatientCharacteristics', 'retainSafePrivate']);
    expect(notes.filter(({ kind }) => kind === 'left-out').map(({ code }) => code)).toEqual([
      '113101',
      '999',
    ]);
  });

  test('unnamed attributes are removed where the script says so, except groups it keeps', () => {
    const { recipe } = importCtpScript(
      script('00080060', '@keep()', '<k en="T" t="0018"/><r en="T" t="unspecifiedelements"/>'),
    );
    expect(recipe.rules).toEqual([
      { keyword: 'Modality', action: 'keep' },
      { tag: '0018xxxx', action: 'keep' },
      { tag: 'xxxxxxxx', action: 'remove' },
      { tag: '0028xxxx', action: 'keep' },
      { tag: '7FE0xxxx', action: 'keep' },
      { keyword: 'StudyInstanceUID', action: 'map-uid' },
    ]);
  });

  test('UIDs that stay are an option', () => {
    expect(importOne('00080018', '@keep()').recipe.options).toEqual(['retainUids']);
  });

  test('the older form gives the same', () => {
    const properties = [
      '# comment',
      'param.DATEINC=-3210',
      'set.[0008,0020]StudyDate=@incrementdate(this,@DATEINC)',
      '#set.[0008,1030]StudyDescription=@keep()',
      'keep.group18=',
      'remove.privategroups=',
    ].join('\n');
    const xml = `<script><p t="DATEINC">-3210</p>
      <e en="T" t="00080020" n="StudyDate">@incrementdate(this,@DATEINC)</e>
      <k en="T" t="0018"></k><r en="T" t="privategroups"></r></script>`;
    expect(importCtpScript(properties)).toEqual(importCtpScript(xml));
  });

  test('of what comes twice, the last counts', () => {
    const { recipe } = importCtpScript(
      script(
        '0008103e',
        '@keep()',
        '<e en="T" t="0008103E">@remove()</e><k en="T" t="0018"/><k en="T" t="0018"/>',
      ),
    );
    expect(recipe.rules).toEqual([{ keyword: 'SeriesDescription', action: 'remove' }]);
  });

  test('the recipe is one', () => {
    const { recipe } = importCtpScript(script('00080060', '@keep()'), { name: 'Mine' });
    expect(parseRecipe(recipe).name).toBe('Mine');
  });

  test.each([
    ['nothing', ''],
    ['a text', 'Dear colleagues'],
    ['another document', '<html><e en="T" t="00080060">@keep()</e></html>'],
    ['broken XML', '<script><e en="T" t="00080060">@keep()</script>'],
    ['entities of its own', '<!DOCTYPE script [<!ENTITY a "b">]><script><p t="A">&a;</p></script>'],
    ['nothing that is switched on', '<script><e en="F" t="00080060">@keep()</e></script>'],
  ])('is refused when it is %s', (_, text) => {
    expect(() => importCtpScript(text)).toThrow(expect.objectContaining({ code: 'INVALID_CTP_SCRIPT' }));
  });
});
