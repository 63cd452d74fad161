import * as z from 'zod';
import { operation } from './operation.ts';

export const system = {
  health: operation({
    method: 'GET',
    path: '/health',
    summary: 'Whether the server and its database work',
    tag: 'system',
    access: 'public',
    status: 200,
    response: z.object({ ok: z.boolean(), version: z.string() }),
  }),
  openapi: operation({
    method: 'GET',
    path: '/openapi.json',
    summary: 'This API as an OpenAPI document',
    tag: 'system',
    access: 'public',
    status: 200,
    response: z.record(z.string(), z.unknown()),
  }),
};
