import * as z from 'zod';
import { operation } from './operation.ts';
import { problem } from './problem.ts';
import { date, id, searchText, uid } from './values.ts';

export const personName = z
  .object({
    alphabetic: z.string().optional(),
    ideographic: z.string().optional(),
    phonetic: z.string().optional(),
  })
  .describe('Component groups of a person name as DICOM has them, components separated by ^')
  .meta({ id: 'PersonName' });

/** A study as a source knows it. What the source leaves out is absent. */
export const study = z
  .object({
    studyInstanceUid: uid,
    patientId: z.string().optional(),
    patientName: personName.optional(),
    patientBirthDate: z
      .string()
      .optional()
      .describe('YYYY-MM-DD, or as the source has it when that is no date'),
    patientSex: z.string().optional(),
    studyDate: z.string().optional().describe('YYYY-MM-DD, or as the source has it when that is no date'),
    studyTime: z.string().optional().describe('HH:MM:SS, or as the source has it when that is no time'),
    description: z.string().optional(),
    accessionNumber: z.string().optional(),
    modalities: z.array(z.string()),
    series: z.int().optional(),
    instances: z.int().optional(),
  })
  .meta({ id: 'Study' });

export const series = z
  .object({
    seriesInstanceUid: uid,
    number: z.string().optional(),
    modality: z.string().optional(),
    description: z.string().optional(),
    instances: z.int().optional(),
  })
  .meta({ id: 'Series' });

export type PersonName = z.infer<typeof personName>;
export type Study = z.infer<typeof study>;
export type Series = z.infer<typeof series>;

/** Last line of an answer in lines: it is complete only when this line came. */
const end = z.object({
  end: z.object({
    matches: z.int(),
    limited: z.boolean().describe('There are more matches than the limit'),
    seconds: z.number(),
  }),
});
const failed = z.object({ problem });

const studyLine = z.union([z.object({ study }), end, failed]).meta({ id: 'StudyLine' });
const seriesLine = z.union([z.object({ series }), end, failed]).meta({ id: 'SeriesLine' });

export type StudyLine = z.infer<typeof studyLine>;
export type SeriesLine = z.infer<typeof seriesLine>;

export const studySearch = z.strictObject({
  patientId: searchText.optional(),
  patientName: searchText
    .optional()
    .describe('"Doe, John" or Doe^John; a name without wildcards also matches as a beginning'),
  patientBirthDate: date.optional(),
  accessionNumber: searchText.optional(),
  description: searchText.optional().describe('Matches anywhere in the text unless it holds wildcards'),
  modality: z
    .string()
    .regex(/^[A-Z0-9_]{1,16}(,[A-Z0-9_]{1,16}){0,19}$/)
    .optional()
    .describe('One or several, separated by commas'),
  from: date.optional().describe('First study date'),
  to: date.optional().describe('Last study date'),
  studyInstanceUid: uid.optional(),
  limit: z.coerce.number<number>().int().min(1).max(1000).default(100),
});

export type StudySearch = z.input<typeof studySearch>;

export const studies = {
  searchStudies: operation({
    method: 'GET',
    path: '/nodes/{nodeId}/studies',
    summary: 'Search the studies of a source; matches come as they arrive',
    tag: 'studies',
    access: 'user',
    params: z.strictObject({ nodeId: id }),
    query: studySearch,
    status: 200,
    response: studyLine,
    form: 'lines',
  }),
  listSeries: operation({
    method: 'GET',
    path: '/nodes/{nodeId}/studies/{studyInstanceUid}/series',
    summary: 'Series of a study',
    tag: 'studies',
    access: 'user',
    params: z.strictObject({ nodeId: id, studyInstanceUid: uid }),
    query: z.strictObject({ patientId: searchText.optional() }),
    status: 200,
    response: seriesLine,
    form: 'lines',
  }),
};
