import { createDocument, type ZodOpenApiOperationObject, type ZodOpenApiPathsObject } from 'zod-openapi';
import type { Operation } from '../contract/operation.ts';
import { problem } from '../contract/problem.ts';

const MEDIA_TYPES = {
  json: 'application/json',
  lines: 'application/x-ndjson',
  events: 'text/event-stream',
} as const;

/**
 * The OpenAPI 3.1 document of a contract. Entrance of its own (`@adit/client/openapi`), so that browsers need not load it.
 *
 * An answer in lines or events is described by the schema of one line or one event's data.
 */
export function openApiDocument(
  contract: Readonly<Record<string, Operation>>,
  { version }: { version: string },
): Record<string, unknown> {
  const paths: ZodOpenApiPathsObject = {};
  for (const [name, operation] of Object.entries(contract)) {
    const path = paths[operation.path] ?? {};
    path[operation.method.toLowerCase() as 'get'] = describe(name, operation);
    paths[operation.path] = path;
  }
  return createDocument({
    openapi: '3.1.0',
    info: {
      title: 'ADIT',
      version,
      description: 'Moves DICOM studies between servers, pseudonymized on the way.',
      license: { name: 'AGPL-3.0-or-later', identifier: 'AGPL-3.0-or-later' },
    },
    servers: [{ url: '/api' }],
    components: { securitySchemes: { session: { type: 'apiKey', in: 'cookie', name: 'adit.session' } } },
    paths,
  }) as unknown as Record<string, unknown>;
}

function describe(name: string, operation: Operation): ZodOpenApiOperationObject {
  const { params, query, body, response } = operation;
  const mediaType = MEDIA_TYPES[operation.form ?? 'json'];
  return {
    operationId: name,
    summary: operation.summary,
    tags: [operation.tag],
    security: operation.access === 'public' ? [] : [{ session: [] }],
    ...(operation.access === 'admin' ? { description: 'For administrators.' } : {}),
    requestParams: { ...(params ? { path: params } : {}), ...(query ? { query } : {}) },
    ...(body ? { requestBody: { required: true, content: { 'application/json': { schema: body } } } } : {}),
    responses: {
      [String(operation.status) as '200']: {
        description: response ? 'Success' : 'Success, without content',
        ...(response ? { content: { [mediaType]: { schema: response } } } : {}),
      },
      default: {
        description: 'Anything else: a problem document (RFC 9457)',
        content: { 'application/problem+json': { schema: problem } },
      },
    },
  };
}
