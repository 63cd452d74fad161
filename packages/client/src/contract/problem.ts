import * as z from 'zod';

/** What every error answers with (RFC 9457), media type `application/problem+json`. */
export const problem = z
  .object({
    status: z.int(),
    title: z.string().describe('The kind of trouble, in a few words'),
    detail: z.string().describe('One sentence for people: what happened, at which node, what to do'),
    code: z.string().describe('Stable, for programs'),
    retryable: z.boolean().describe('Whether the same request may succeed later'),
    fields: z
      .record(z.string(), z.string())
      .optional()
      .describe('What is wrong with which field of the request'),
  })
  .meta({ id: 'Problem' });

export type Problem = z.infer<typeof problem>;
