import { hostname } from 'node:os';
import { resolve } from 'node:path';
import { z } from 'zod';
import { ServerError } from './errors.ts';

/** What the environment says about this server. Every variable has a default; an empty one counts as not set. */
export interface Config {
  /** `ADIT_DATA`: absolute path of the folder that holds everything this server keeps. Default: `.adit` in the working directory. */
  readonly dataDirectory: string;
  /** `DATABASE_URL`: PostgreSQL to use. Default: the embedded one, its cluster in the data directory. */
  readonly databaseUrl: string | undefined;
  /** `ADIT_SECRET_KEY`: 32 bytes as base64 or hex. Default: made once and kept in the data directory. */
  readonly secretKey: Uint8Array | undefined;
  /** `ADIT_HOST`: address the web server listens on. Default: 127.0.0.1, this machine alone. */
  readonly host: string;
  /** `ADIT_PORT`: port of the web server, 0 for any free one. Default: 8080. */
  readonly port: number;
  /** `ADIT_TRUST_PROXY`: number of proxies in front whose word on client address and protocol counts. Default: 0. */
  readonly trustedProxies: number;
  /** `ADIT_AE_TITLE`: AE title ADIT calls with and receives under. Default: ADIT. */
  readonly aeTitle: string;
  /** `ADIT_RECEIVER_HOST`: address on which DICOM objects are received. Default: that of `ADIT_HOST`. */
  readonly receiverHost: string;
  /** `ADIT_RECEIVER_PORT`: port on which DICOM objects are received, 0 for any free one. Default: 11112. */
  readonly receiverPort: number;
  /** Where the receiver hands objects over to workers of other processes. */
  readonly handOver: HandOverConfig;
  /** `ADIT_LOG_LEVEL`: least severity that is logged. Default: info. */
  readonly logLevel: LogLevel;
  /** `ADIT_LOG_FILE`: absolute path of the file to log to. Default: standard error. */
  readonly logFile: string | undefined;
  /**
   * `ADIT_DEMO`: two demo nodes with generated studies. `on`: they are added once; `auto`: they are added to the embedded
   * database while no node is configured; `off`: there are none. Default: auto.
   */
  readonly demo: DemoMode;
}

export interface HandOverConfig {
  /** `ADIT_HANDOVER_HOST`: address it listens on. Default: 127.0.0.1, this machine alone. */
  readonly host: string;
  /** `ADIT_HANDOVER_PORT`: port it listens on, 0 for any free one. Default: 0. */
  readonly port: number;
  /** `ADIT_HANDOVER_ADDRESS`: name or address under which workers reach it. Default: the host, or the name of this machine. */
  readonly address: string;
}

const logLevels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
const demoModes = ['auto', 'on', 'off'] as const;

export type LogLevel = (typeof logLevels)[number];
export type DemoMode = (typeof demoModes)[number];

const SECRET_KEY_BYTES = 32;

function port(fallback: number) {
  return z
    .string()
    .regex(/^\d{1,5}$/)
    .transform(Number)
    .refine((value) => value <= 65535)
    .default(fallback)
    .describe('a port from 0 to 65535');
}

const host = z.string().regex(/^[\w.:-]{1,255}$/);
const AN_ADDRESS = 'an address of this machine, 0.0.0.0 for all of them';

/** Every variable; its description completes the sentence "NAME must be …". */
const environmentSchema = z.object({
  ADIT_DATA: z.string().default('.adit').describe('the path of a folder'),
  DATABASE_URL: z
    .string()
    .regex(/^postgres(ql)?:\/\//)
    .optional()
    .describe('the address of a PostgreSQL database, like postgresql://user:password@host:5432/adit'),
  ADIT_SECRET_KEY: z
    .string()
    .transform(parseSecretKey)
    .refine((key) => key !== undefined)
    .optional()
    .describe('32 bytes as base64 or hex, as "openssl rand -base64 32" makes them'),
  ADIT_HOST: host.default('127.0.0.1').describe(AN_ADDRESS),
  ADIT_PORT: port(8080),
  ADIT_TRUST_PROXY: z
    .string()
    .regex(/^\d$/)
    .transform(Number)
    .default(0)
    .describe('the number of proxies in front, 0 to 9'),
  // PS3.5 §6.2, VR AE: at most 16 characters of the default repertoire, no backslash, not only spaces.
  ADIT_AE_TITLE: z
    .string()
    .trim()
    .regex(/^[\x20-\x5b\x5d-\x7e]{1,16}$/)
    .default('ADIT')
    .describe('an AE title: 1 to 16 characters of ASCII, no backslash'),
  ADIT_RECEIVER_HOST: host.optional().describe(AN_ADDRESS),
  ADIT_RECEIVER_PORT: port(11112),
  ADIT_HANDOVER_HOST: host.default('127.0.0.1').describe(AN_ADDRESS),
  ADIT_HANDOVER_PORT: port(0),
  ADIT_HANDOVER_ADDRESS: host
    .optional()
    .describe('the name or address of this machine under which workers on others reach it'),
  ADIT_LOG_LEVEL: z
    .enum(logLevels)
    .default('info')
    .describe(`one of ${logLevels.join(', ')}`),
  ADIT_LOG_FILE: z.string().optional().describe('the path of a file'),
  ADIT_DEMO: z
    .enum(demoModes)
    .default('auto')
    .describe(`one of ${demoModes.join(', ')}`),
});

/** Variables whose value must not appear in an error. */
const secretVariables: ReadonlySet<string> = new Set(['DATABASE_URL', 'ADIT_SECRET_KEY']);

/**
 * Reads the configuration from environment variables.
 *
 * @param environment Usually `process.env`.
 * @throws ServerError `CONFIG`, naming every variable that is wrong and what it must be.
 */
export function readConfig(environment: NodeJS.ProcessEnv): Config {
  const given = Object.fromEntries(Object.entries(environment).filter(([, value]) => value?.trim()));
  const result = environmentSchema.safeParse(given);
  if (!result.success) {
    const names = new Set(result.error.issues.map((issue) => String(issue.path[0])));
    throw new ServerError('CONFIG', [...names].map((name) => complaint(name, given[name])).join(' '));
  }
  const values = result.data;
  return {
    dataDirectory: resolve(values.ADIT_DATA),
    databaseUrl: values.DATABASE_URL,
    secretKey: values.ADIT_SECRET_KEY,
    host: values.ADIT_HOST,
    port: values.ADIT_PORT,
    trustedProxies: values.ADIT_TRUST_PROXY,
    aeTitle: values.ADIT_AE_TITLE,
    receiverHost: values.ADIT_RECEIVER_HOST ?? values.ADIT_HOST,
    receiverPort: values.ADIT_RECEIVER_PORT,
    handOver: {
      host: values.ADIT_HANDOVER_HOST,
      port: values.ADIT_HANDOVER_PORT,
      address: values.ADIT_HANDOVER_ADDRESS ?? reachable(values.ADIT_HANDOVER_HOST),
    },
    logLevel: values.ADIT_LOG_LEVEL,
    logFile: values.ADIT_LOG_FILE === undefined ? undefined : resolve(values.ADIT_LOG_FILE),
    demo: values.ADIT_DEMO,
  };
}

/** All addresses of a machine are none that another one could call. */
function reachable(listening: string): string {
  return listening === '0.0.0.0' || listening === '::' ? hostname() : listening;
}

function complaint(name: string, value: string | undefined): string {
  const must = environmentSchema.shape[name as keyof typeof environmentSchema.shape].description;
  const instead = secretVariables.has(name) ? '' : `, not "${value}"`;
  return `${name} must be ${must}${instead}.`;
}

/** 32 bytes from base64 or hex; undefined when the text is neither. */
export function parseSecretKey(text: string): Uint8Array | undefined {
  const trimmed = text.trim();
  if (/^[0-9a-f]{64}$/i.test(trimmed)) return new Uint8Array(Buffer.from(trimmed, 'hex'));
  if (!/^[A-Za-z0-9+/_-]{43}=?$/.test(trimmed)) return undefined;
  const bytes = new Uint8Array(Buffer.from(trimmed, 'base64'));
  return bytes.length === SECRET_KEY_BYTES ? bytes : undefined;
}
