/**
 * What may be logged of an error: name, code, stack and cause. PostgreSQL's errors hold whole rows in further fields, and
 * those may hold patients.
 */
export function loggableError(error: unknown): object {
  if (!(error instanceof Error)) return { name: typeof error };
  const { name, stack, code, cause } = error as Error & { code?: unknown };
  return { name, code, stack, ...(cause === undefined ? {} : { cause: loggableError(cause) }) };
}
