/** Whether a statement was refused because a value must be unique (SQLSTATE 23505). */
export function isUniqueViolation(error: unknown): boolean {
  return (error as { code?: unknown } | undefined)?.code === '23505';
}

/** Whether a row was not deleted because others refer to it (SQLSTATE 23503; 23001 of `restrict`). */
export function isStillReferenced(error: unknown): boolean {
  const { code } = (error ?? {}) as { code?: unknown };
  return code === '23503' || code === '23001';
}
