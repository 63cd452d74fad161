import type { RequestContext } from './context.ts';

/** Answers what the service can do (PS3.18 §8.9), as a document in WADL. */
export function capabilities({ root, queryable, source, sink }: RequestContext): Response {
  const resources = [
    ...(queryable ? SEARCHES.map((path) => resource(path, method('GET', 'Search', JSON_TYPE))) : []),
    ...(source
      ? [
          ...RETRIEVALS.map((path) => resource(path, method('GET', 'Retrieve', INSTANCES))),
          ...RETRIEVALS.map((path) =>
            resource(`${path}/metadata`, method('GET', 'RetrieveMetadata', JSON_TYPE)),
          ),
          resource(`${INSTANCE}/frames/{frames}`, method('GET', 'RetrieveFrames', 'multipart/related')),
          resource(
            `${INSTANCE}/bulkdata/{path}`,
            method('GET', 'RetrieveBulkdata', 'application/octet-stream'),
          ),
        ]
      : []),
    ...(sink
      ? ['studies', 'studies/{study}'].map((path) =>
          resource(path, method('POST', 'Store', JSON_TYPE, INSTANCES)),
        )
      : []),
  ];
  const text = [
    '<?xml version="1.0" encoding="UTF-8"?>',
    '<application xmlns="http://wadl.dev.java.net/2009/02">',
    `<resources base="${escapeXml(root)}/">`,
    ...resources,
    '</resources>',
    '</application>',
    '',
  ].join('\n');
  const allow = ['GET', ...(sink ? ['POST'] : []), 'OPTIONS'].join(', ');
  return new Response(text, { headers: { 'content-type': 'application/vnd.sun.wadl+xml', allow } });
}

const STUDY = 'studies/{study}';
const SERIES = `${STUDY}/series/{series}`;
const INSTANCE = `${SERIES}/instances/{instance}`;
const SEARCHES = [
  'studies',
  'series',
  'instances',
  `${STUDY}/series`,
  `${STUDY}/instances`,
  `${SERIES}/instances`,
];
const RETRIEVALS = [STUDY, SERIES, INSTANCE];
const JSON_TYPE = 'application/dicom+json';
const INSTANCES = 'multipart/related; type=&quot;application/dicom&quot;';

const resource = (path: string, content: string): string => `<resource path="${path}">${content}</resource>`;

function method(name: string, id: string, answer: string, request?: string): string {
  const representation = (type: string) => `<representation mediaType="${type}"/>`;
  const asked = request === undefined ? '' : `<request>${representation(request)}</request>`;
  return `<method name="${name}" id="${id}">${asked}<response>${representation(answer)}</response></method>`;
}

const escapeXml = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
