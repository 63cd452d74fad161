import { HeldBackError } from '@adit/core';
import { parseCsv } from 'hucre/csv';
import { PseudonymizeError } from '../pseudonymize-error.ts';
import { isPseudonym, type PseudonymOf } from './pseudonym-of.ts';

export interface PseudonymTableOptions {
  /**
   * What becomes of an instance whose patient the table lacks: `hold` it is held back and the others go on; `fail` reading it
   * throws `UNKNOWN_PATIENT`. Default: `hold`.
   */
  missing?: 'hold' | 'fail';
}

/** Most bytes, or rather characters, of a table: about a million patients. */
const maxLength = 64 * 1024 * 1024;

type Column = 'patientId' | 'pseudonym' | 'issuer';

/** Titles of the columns, without case, blanks and punctuation. */
const titles: Readonly<Record<string, Column>> = {
  patientid: 'patientId',
  pseudonym: 'pseudonym',
  issuerofpatientid: 'issuer',
  issuer: 'issuer',
};

/**
 * Pseudonyms from a table: CSV in UTF-8 with the columns `PatientID` and `Pseudonym` and, if Patient IDs of several hospitals are
 * in it, `IssuerOfPatientID`. Without that column a Patient ID is looked for whoever issued it. Separators are commas,
 * semicolons or tabs; the order of columns is free, and others are not looked at.
 *
 * Throws `INVALID_PSEUDONYM_TABLE`: a column is missing; a row has no Patient ID or no usable pseudonym; a patient has two
 * pseudonyms; two patients have one. The message names rows, never what is in them.
 */
export function pseudonymTable(csv: string, options: PseudonymTableOptions = {}): PseudonymOf {
  const { missing = 'hold' } = options;
  if (csv.length > maxLength) throw invalid(`it has more than ${maxLength} characters`);
  const [header = [], ...rows] = parseCsv(csv).map((row) => row.map((cell) => String(cell ?? '').trim()));
  const columns = columnsOf(header);

  const pseudonyms = new Map<string, { pseudonym: string; row: number }>();
  const patients = new Map<string, { patient: string; row: number }>();
  rows.forEach((cells, index) => {
    // Row 1 is the header, as spreadsheets count.
    const row = index + 2;
    if (cells.every((cell) => cell === '')) return;
    const cell = (column: Column) => cells[columns.get(column) ?? -1] ?? '';
    const pseudonym = cell('pseudonym');
    if (cell('patientId') === '') throw invalid(`row ${row} has no Patient ID`);
    if (!isPseudonym(pseudonym)) {
      throw invalid(
        `row ${row} has no pseudonym of 1 to 64 characters, none of them a control character or one of \\ ^ = * ?`,
      );
    }
    const patient = patientKey(cell('issuer'), cell('patientId'));
    const known = pseudonyms.get(patient);
    if (known !== undefined && known.pseudonym !== pseudonym) {
      throw invalid(`rows ${known.row} and ${row} give one patient two pseudonyms`);
    }
    const other = patients.get(pseudonym);
    if (other !== undefined && other.patient !== patient) {
      throw invalid(`rows ${other.row} and ${row} give two patients one pseudonym`);
    }
    // Lists by study name a patient several times: that is no conflict.
    if (known === undefined) {
      pseudonyms.set(patient, { pseudonym, row });
      patients.set(pseudonym, { patient, row });
    }
  });
  if (pseudonyms.size === 0) throw invalid('it has no patients');

  const hasIssuers = columns.has('issuer');
  return ({ issuer, patientId }) => {
    if (patientId === '')
      throw new HeldBackError('It has no Patient ID to look up in the table of pseudonyms.');
    const found = pseudonyms.get(patientKey(hasIssuers ? issuer : '', patientId));
    if (found !== undefined) return found.pseudonym;
    if (missing === 'hold') throw new HeldBackError('Its patient is not in the table of pseudonyms.');
    throw new PseudonymizeError(
      'UNKNOWN_PATIENT',
      'A patient is not in the table of pseudonyms: complete the table, or have such instances held back.',
    );
  };
}

function columnsOf(header: readonly string[]): ReadonlyMap<Column, number> {
  const columns = new Map<Column, number>();
  header.forEach((title, index) => {
    const column = titles[title.toLowerCase().replace(/[^a-z]/g, '')];
    if (column === undefined) return;
    if (columns.has(column)) throw invalid(`two columns are called ${title}`);
    columns.set(column, index);
  });
  for (const [column, title] of [
    ['patientId', 'PatientID'],
    ['pseudonym', 'Pseudonym'],
  ] as const) {
    if (!columns.has(column)) throw invalid(`its first row names no column ${title}`);
  }
  return columns;
}

/** No value of an LO has a backslash. */
function patientKey(issuer: string, patientId: string): string {
  return `${issuer}\\${patientId}`;
}

function invalid(reason: string): PseudonymizeError {
  return new PseudonymizeError(
    'INVALID_PSEUDONYM_TABLE',
    `The table of pseudonyms cannot be used: ${reason}.`,
  );
}
