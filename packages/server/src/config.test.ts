import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { resolve } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseSecretKey, readConfig } from './config.ts';
import { ServerError } from './errors.ts';

function failure(environment: NodeJS.ProcessEnv): ServerError {
  try {
    readConfig(environment);
  } catch (error) {
    if (error instanceof ServerError) return error;
    throw error;
  }
  throw new Error('readConfig accepted it');
}

describe('readConfig', () => {
  it('has a default for everything', () => {
    expect(readConfig({})).toEqual({
      dataDirectory: resolve('.adit'),
      databaseUrl: undefined,
      secretKey: undefined,
      host: '127.0.0.1',
      port: 8080,
      trustedProxies: 0,
      aeTitle: 'ADIT',
      receiverHost: '127.0.0.1',
      receiverPort: 11112,
      handOver: { host: '127.0.0.1', port: 0, address: '127.0.0.1' },
      logLevel: 'info',
      logFile: undefined,
      demo: 'auto',
    });
  });

  it('takes an empty variable as one that is not set, as compose files leave them', () => {
    expect(readConfig({ ADIT_PORT: '', ADIT_DATA: ' ', DATABASE_URL: '' })).toEqual(readConfig({}));
  });

  it('reads every variable', () => {
    const key = randomBytes(32);
    expect(
      readConfig({
        ADIT_DATA: '/srv/adit data',
        DATABASE_URL: 'postgresql://adit@db/adit',
        ADIT_SECRET_KEY: key.toString('hex'),
        ADIT_HOST: '::',
        ADIT_PORT: '0',
        ADIT_TRUST_PROXY: '1',
        ADIT_AE_TITLE: ' ADIT 2 ',
        ADIT_RECEIVER_HOST: '10.1.2.3',
        ADIT_RECEIVER_PORT: '104',
        ADIT_HANDOVER_HOST: '0.0.0.0',
        ADIT_HANDOVER_PORT: '11113',
        ADIT_HANDOVER_ADDRESS: 'receiver.example',
        ADIT_LOG_LEVEL: 'debug',
        ADIT_LOG_FILE: 'adit.log',
        ADIT_DEMO: 'on',
      }),
    ).toEqual({
      dataDirectory: '/srv/adit data',
      databaseUrl: 'postgresql://adit@db/adit',
      secretKey: new Uint8Array(key),
      host: '::',
      port: 0,
      trustedProxies: 1,
      aeTitle: 'ADIT 2',
      receiverHost: '10.1.2.3',
      receiverPort: 104,
      handOver: { host: '0.0.0.0', port: 11113, address: 'receiver.example' },
      logLevel: 'debug',
      logFile: resolve('adit.log'),
      demo: 'on',
    });
  });

  it('has receivers reached by the name of the machine when they listen on all of its addresses', () => {
    expect(readConfig({ ADIT_HANDOVER_HOST: '0.0.0.0' }).handOver.address).toBe(hostname());
  });

  it.each([
    ['ADIT_PORT', 'http'],
    ['ADIT_PORT', '65536'],
    ['ADIT_PORT', '-1'],
    ['ADIT_PORT', '80.5'],
    ['ADIT_TRUST_PROXY', 'true'],
    ['ADIT_RECEIVER_PORT', '0x10'],
    ['ADIT_HOST', 'http://localhost'],
    ['ADIT_HANDOVER_ADDRESS', 'tcp://receiver'],
    ['ADIT_AE_TITLE', 'SEVENTEEN_LETTERS'],
    ['ADIT_AE_TITLE', 'A\\B'],
    ['ADIT_LOG_LEVEL', 'loud'],
    ['ADIT_DEMO', 'yes'],
  ])('refuses %s=%s and says what it must be', (name, value) => {
    const error = failure({ [name]: value });
    expect(error.code).toBe('CONFIG');
    expect(error.message).toMatch(new RegExp(`^${name} must be .+, not ".+"\\.$`));
  });

  it('names every wrong variable at once', () => {
    const { message } = failure({ ADIT_PORT: 'x', ADIT_DEMO: 'x' });
    expect(message).toContain('ADIT_PORT must be a port from 0 to 65535, not "x".');
    expect(message).toContain('ADIT_DEMO must be one of auto, on, off, not "x".');
  });

  it('keeps secrets out of its errors', () => {
    const { message } = failure({
      DATABASE_URL: 'mysql://root:hunter2@db/adit',
      ADIT_SECRET_KEY: 'hunter3',
    });
    expect(message).toContain('DATABASE_URL must be');
    expect(message).toContain('ADIT_SECRET_KEY must be');
    expect(message).not.toContain('hunter');
  });
});

describe('parseSecretKey', () => {
  it('reads 32 bytes as hex, base64 and base64url', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), (bytes) => {
        for (const encoding of ['hex', 'base64', 'base64url'] as const) {
          expect(parseSecretKey(`${Buffer.from(bytes).toString(encoding)}\n`)).toEqual(new Uint8Array(bytes));
        }
      }),
    );
  });

  it('refuses any other length', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 64 }).filter((bytes) => bytes.length !== 32),
        (bytes) => {
          expect(parseSecretKey(Buffer.from(bytes).toString('base64'))).toBeUndefined();
          expect(parseSecretKey(Buffer.from(bytes).toString('hex'))).toBeUndefined();
        },
      ),
    );
  });
});
