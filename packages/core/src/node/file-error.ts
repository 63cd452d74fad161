import { DicomError } from '../errors.ts';

/**
 * One sentence for what a file system refused. Folders below the one the user named hold identifiers of patients: only
 * that one is named.
 *
 * Codes: `NO_SPACE`, `NOT_WRITABLE`, `NOT_READABLE`, `NOT_FOUND`, `TOO_MANY_FILES` (retryable), `FILE_SYSTEM`.
 *
 * @param folder what the user named
 */
export function fileError(error: unknown, folder: string, action: 'read' | 'write'): DicomError {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  const make = (ours: string, message: string, retryable = false) =>
    new DicomError(ours, message, { cause: withoutPath(error), retryable });
  switch (code) {
    case 'ENOSPC':
    case 'EDQUOT':
      return make('NO_SPACE', `No space is left in ${folder}: free some, or choose another folder.`);
    case 'EACCES':
    case 'EPERM':
      return action === 'read'
        ? make('NOT_READABLE', `${folder}, or something in it, may not be read: check its permissions.`)
        : make(
            'NOT_WRITABLE',
            `${folder}, or something in it, may not be written to: check its permissions.`,
          );
    case 'EROFS':
      return make('NOT_WRITABLE', `${folder} is on a read-only file system: choose another folder.`);
    case 'ENOENT':
      return make('NOT_FOUND', `${folder}, or something in it, does not exist: check the path.`);
    case 'ENOTDIR':
    case 'EEXIST':
      return make('NOT_FOUND', `${folder}, or something in it, is a file where a folder is needed.`);
    case 'EMFILE':
    case 'ENFILE':
      return make('TOO_MANY_FILES', 'Too many files are open: try again, or raise the limit.', true);
    default:
      return make('FILE_SYSTEM', `${folder} could not be ${action === 'read' ? 'read' : 'written to'}.`);
  }
}

/** The error of a file system call names the path: its code and call are enough. */
function withoutPath(error: unknown): unknown {
  if (!(error instanceof Error) || !('code' in error)) return error;
  const { code } = error;
  return Object.assign(new Error(`${'syscall' in error ? error.syscall : 'call'}: ${code}`), { code });
}
