import * as z from 'zod';

/**
 * A UID. PS3.5 §9.1 forbids leading zeros and empty components, yet archives hold studies whose UIDs have them: what a
 * source calls a study must be usable to ask for it.
 */
export const uid = z
  .string()
  .max(64)
  .regex(/^\d[\d.]*$/, 'is not a UID: digits and dots, 64 characters at most');

/** An AE title (PS3.5 §6.2): 1 to 16 characters of the default repertoire, no backslash, not only spaces. */
export const aeTitle = z
  .string()
  .trim()
  .regex(
    /^(?=.*\S)[\x20-\x5b\x5d-\x7e]{1,16}$/,
    'is not an AE title: 1 to 16 characters of ASCII, no backslash',
  );

/** Text on one line: no control characters, which neither PostgreSQL (U+0000) nor an HTTP header (CR, LF) would take. */
export const line = z.string().regex(/^\P{Cc}*$/u, 'must not hold control characters');

/** What stands for a patient after pseudonymization: becomes PatientID and PatientName (VR LO). */
export const pseudonym = z
  .string()
  .trim()
  .min(1)
  .max(64)
  .regex(/^[^\\\p{Cc}*?^=]*$/u, 'must not hold a backslash, a control character or any of * ? ^ =');

/** A search text of the user: wildcards `*` and `?` are allowed, backslash and control characters are not. */
export const searchText = line
  .trim()
  .max(64)
  .regex(/^[^\\]*$/, 'must not hold a backslash');

/** A calendar date as YYYY-MM-DD. */
export const date = z.iso.date();

/** A point in time, ISO 8601 with zone. */
export const timestamp = z.iso.datetime();

/** Number of a row; of at most 18 digits, which PostgreSQL's bigint holds. */
export const id = z.string().regex(/^[1-9]\d{0,17}$/);
