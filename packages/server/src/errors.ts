import { DicomError } from '@adit/core';

/**
 * What goes wrong in the server itself: its configuration, data directory, database, or a request to it.
 *
 * `message` is one sentence for the person at the keyboard, so the command line prints it without a stack.
 */
export class ServerError extends DicomError {}
