import {
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createLogger } from './logger.ts';

describe('createLogger', () => {
  let folder: string;
  let logFile: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'adit-test-'));
    logFile = join(folder, 'adit.log');
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it('adds lines to a file that only its owner may read', async () => {
    (await createLogger({ logLevel: 'info', logFile })).info({ port: 1 }, 'first');
    const logger = await createLogger({ logLevel: 'info', logFile });
    logger.debug('too fine');
    logger.warn('second');
    const lines = readFileSync(logFile, 'utf8').trim().split('\n');
    expect(lines.map((line) => JSON.parse(line).msg)).toEqual(['first', 'second']);
    expect(statSync(logFile).mode & 0o777).toBe(0o600);
  });

  it('puts a large file aside', async () => {
    writeFileSync(logFile, '');
    truncateSync(logFile, 10_000_001);
    (await createLogger({ logLevel: 'info', logFile })).info('anew');
    expect(statSync(`${logFile}.1`).size).toBe(10_000_001);
    expect(JSON.parse(readFileSync(logFile, 'utf8')).msg).toBe('anew');
  });

  it('says in one sentence that the file cannot be written', async () => {
    const missing = join(folder, 'missing', 'adit.log');
    await expect(createLogger({ logLevel: 'info', logFile: missing })).rejects.toMatchObject({
      code: 'LOG_FILE',
      message: `The log file ${missing} cannot be written: choose another with ADIT_LOG_FILE.`,
    });
    expect(existsSync(missing)).toBe(false);
  });
});
