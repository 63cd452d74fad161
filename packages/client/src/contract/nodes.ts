import * as z from 'zod';
import { operation } from './operation.ts';
import { aeTitle, id, line } from './values.ts';

const common = {
  name: line.trim().min(1).max(64).describe('What people call it'),
  source: z.boolean().describe('May be searched and transferred from'),
  destination: z.boolean().describe('May be transferred to'),
};

const maxTasks = z
  .int()
  .min(1)
  .max(32)
  .default(2)
  .describe('Most studies transferred from it at the same time');

const serviceRoot = z
  .url({ protocol: /^https?$/ })
  .max(2000)
  .regex(/^[^?#@]*$/, 'must hold neither credentials nor parameters');

/** For a node with a DICOMweb service. */
const authorization = z
  .string()
  .max(2000)
  .regex(/^[\x20-\x7e]*$/, 'must be ASCII on one line')
  .optional()
  .describe(
    'Value of the Authorization header of its DICOMweb service; kept encrypted, never given out. On update: left out, it stays; empty, it goes',
  );

export const retrievalWay = z.enum(['wado-rs', 'c-get', 'c-move']).meta({ id: 'RetrievalWay' });

export type RetrievalWay = z.infer<typeof retrievalWay>;

const dimseNode = z.strictObject({
  kind: z.literal('dimse'),
  ...common,
  aeTitle,
  host: z
    .string()
    .trim()
    .max(255)
    .regex(/^[\w.:-]+$/, 'must be the name or the IP address of a machine'),
  port: z.int().min(1).max(65535),
  maxAssociations: z.int().min(1).max(64).default(4).describe('Most associations ADIT opens to it at once'),
  dicomWebUrl: serviceRoot
    .optional()
    .describe('The root of its DICOMweb service, where it has one that studies may be fetched from'),
  retrieve: z
    .array(retrievalWay)
    .min(1, 'must name at least one way')
    .refine((ways) => new Set(ways).size === ways.length, 'must name each way once')
    .optional()
    .describe(
      'How studies are fetched from it, in this order: each way is for what the ones before do not offer. wado-rs needs dicomWebUrl; c-move has it send them to the receiver of ADIT, which it must know. Left out: wado-rs where there is dicomWebUrl, c-get, c-move',
    ),
  maxTasks,
});

const dicomWebNode = z.strictObject({
  kind: z.literal('dicomweb'),
  ...common,
  url: serviceRoot.describe('The service root'),
  maxTasks,
});

const folderNode = z.strictObject({
  kind: z.literal('folder'),
  ...common,
  source: z.literal(false),
  path: line.min(1).max(1024).describe('A folder of the server'),
});

/** What an administrator says of a node. */
export const nodeSettings = z
  .discriminatedUnion('kind', [
    dimseNode.extend({ authorization }),
    dicomWebNode.extend({ authorization }),
    folderNode,
  ])
  .meta({ id: 'NodeSettings' });

/** What is given out of a node: no secrets. */
export const node = z
  .discriminatedUnion('kind', [
    dimseNode.extend({ id, hasAuthorization: z.boolean() }),
    dicomWebNode.extend({ id, hasAuthorization: z.boolean() }),
    folderNode.extend({ id }),
  ])
  .meta({ id: 'Node' });

export type Node = z.infer<typeof node>;
export type NodeSettings = z.input<typeof nodeSettings>;

export const echoResult = z
  .object({
    ok: z.boolean(),
    seconds: z.number(),
    message: z.string().describe('One sentence: what was tried and what came of it'),
  })
  .meta({ id: 'EchoResult' });

export const registration = z
  .object({
    callingAeTitle: z.string().describe('AE title ADIT calls with'),
    receiverAeTitle: z.string().describe('AE title ADIT receives under'),
    receiverPort: z.int(),
    receiverListening: z.boolean().describe('Whether objects can be sent to it at present'),
    addresses: z.array(z.string()).describe('Addresses of this machine, the likeliest first'),
  })
  .meta({ id: 'Registration' });

export type EchoResult = z.infer<typeof echoResult>;
export type Registration = z.infer<typeof registration>;

const params = z.strictObject({ nodeId: id });

export const nodes = {
  listNodes: operation({
    method: 'GET',
    path: '/nodes',
    summary: 'Nodes the user may see',
    tag: 'nodes',
    access: 'user',
    status: 200,
    response: z.array(node),
  }),
  createNode: operation({
    method: 'POST',
    path: '/nodes',
    summary: 'Add a node',
    tag: 'nodes',
    access: 'admin',
    body: nodeSettings,
    status: 201,
    response: node,
  }),
  updateNode: operation({
    method: 'PUT',
    path: '/nodes/{nodeId}',
    summary: 'Change a node',
    tag: 'nodes',
    access: 'admin',
    params,
    body: nodeSettings,
    status: 200,
    response: node,
  }),
  deleteNode: operation({
    method: 'DELETE',
    path: '/nodes/{nodeId}',
    summary: 'Remove a node that no job uses',
    tag: 'nodes',
    access: 'admin',
    params,
    status: 204,
  }),
  echoNode: operation({
    method: 'POST',
    path: '/nodes/{nodeId}/echo',
    summary: 'Ask a node whether it answers (C-ECHO, a small QIDO-RS search, both, or a write test)',
    tag: 'nodes',
    access: 'user',
    params,
    status: 200,
    response: echoResult,
  }),
  registration: operation({
    method: 'GET',
    path: '/registration',
    summary: 'What to register of ADIT at a PACS',
    tag: 'nodes',
    access: 'user',
    status: 200,
    response: registration,
  }),
};
