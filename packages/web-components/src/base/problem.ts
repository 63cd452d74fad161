import { ApiError } from '@adit/client';

/** The sentence to show for an error. Errors that are no answers of the server are bugs of ours. */
export function problemText(error: unknown): string {
  if (error instanceof ApiError) return error.message;
  console.error(error);
  return 'Something unexpected went wrong in this page: reload it and try again.';
}
