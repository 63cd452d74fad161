import { type Logger, pino, stdTimeFunctions } from 'pino';
import type { Config } from '../config.ts';
import { ServerError } from '../errors.ts';
import { rotateLog } from './log-file.ts';

/**
 * The server's log, one JSON object a line: on standard error, or in the file that `ADIT_LOG_FILE` names (mode 0600).
 * What is logged must not identify a patient.
 *
 * @throws ServerError `LOG_FILE` when that file cannot be written.
 */
export async function createLogger({
  logLevel,
  logFile,
}: Pick<Config, 'logLevel' | 'logFile'>): Promise<Logger> {
  const options = { level: logLevel, base: null, timestamp: stdTimeFunctions.isoTime };
  // Synchronous, so that the last words before a crash are kept.
  if (logFile === undefined) return pino(options, pino.destination({ dest: 2, sync: true }));
  try {
    await rotateLog(logFile);
    return pino(options, pino.destination({ dest: logFile, mode: 0o600, sync: true }));
  } catch (cause) {
    throw new ServerError(
      'LOG_FILE',
      `The log file ${logFile} cannot be written: choose another with ADIT_LOG_FILE.`,
      {
        cause,
      },
    );
  }
}
