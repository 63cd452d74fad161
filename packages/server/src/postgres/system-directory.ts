/** Where root keeps what PostgreSQL's user must reach and cannot in the data directory or the checkout. */
export const SYSTEM_DIRECTORY = '/var/lib/adit';
