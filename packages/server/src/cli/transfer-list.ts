import { createReadStream } from 'node:fs';
import { isValidUid } from '@adit/core';
import { CsvError, parse } from 'csv-parse';
import { pseudonym } from './arguments.ts';
import { UsageError } from './usage-error.ts';

/** One study to transfer. */
export interface ListedStudy {
  studyInstanceUid: string;
  /** Only these series. */
  seriesInstanceUids?: string[];
  patientId?: string;
  pseudonym?: string;
}

/** Columns by their names in lower case without blanks, `_` and `-`. */
const COLUMNS: Readonly<Record<string, keyof Row>> = {
  studyinstanceuid: 'study',
  seriesinstanceuid: 'series',
  patientid: 'patientId',
  pseudonym: 'pseudonym',
};

interface Row {
  study: string;
  series: string;
  patientId: string;
  pseudonym: string;
}

/** Longest line of a list, in characters. */
const MAXIMUM_LINE = 16 * 1024;

/**
 * Reads a list of studies: CSV with commas, semicolons or tabs, UTF-8, a first line that names the columns
 * `StudyInstanceUID` and, where wanted, `SeriesInstanceUID`, `PatientID`, `Pseudonym`. Rows of the same study are one study
 * with all their series. Other columns are not looked at.
 *
 * Throws `UsageError`, which names the line.
 */
export async function readTransferList(path: string): Promise<ListedStudy[]> {
  const studies = new Map<string, ListedStudy>();
  const rows = createReadStream(path).pipe(
    parse({
      bom: true,
      columns: (names: string[]) => columnsOf(names),
      delimiter: [',', ';', '\t'],
      info: true,
      max_record_size: MAXIMUM_LINE,
      skip_empty_lines: true,
      trim: true,
    }),
  );
  try {
    for await (const { record, info } of rows as AsyncIterable<{ record: Row; info: { lines: number } }>) {
      add(studies, record, `Line ${info.lines} of the list`);
    }
  } catch (error) {
    if (error instanceof CsvError) {
      throw new UsageError(`Line ${error.lines ?? '?'} of the list is not CSV as the others are.`, error);
    }
    throw error;
  }
  if (studies.size === 0) throw new UsageError('The list holds no study.');
  return [...studies.values()];
}

function columnsOf(names: readonly string[]): (string | false)[] {
  const columns = names.map((name) => COLUMNS[name.toLowerCase().replaceAll(/[\s_-]/g, '')] ?? false);
  if (!columns.includes('study')) {
    throw new UsageError('The first line of the list must name its columns, StudyInstanceUID among them.');
  }
  const named = columns.filter(Boolean);
  if (new Set(named).size < named.length) throw new UsageError('The list names a column twice.');
  return columns;
}

function add(studies: Map<string, ListedStudy>, row: Row, line: string): void {
  const { study: studyInstanceUid, series, patientId } = row;
  for (const uid of [studyInstanceUid, series]) {
    if (uid !== undefined && uid !== '' && !isValidUid(uid))
      throw new UsageError(`${line} has a UID that is none.`);
  }
  if (!studyInstanceUid) throw new UsageError(`${line} names no study.`);
  let name: string | undefined;
  if (row.pseudonym) {
    try {
      name = pseudonym(row.pseudonym);
    } catch {
      throw new UsageError(`${line} has a pseudonym that cannot be one.`);
    }
  }
  const known = studies.get(studyInstanceUid);
  if (!known) {
    studies.set(studyInstanceUid, {
      studyInstanceUid,
      ...(series && { seriesInstanceUids: [series] }),
      ...(patientId && { patientId }),
      ...(name !== undefined && { pseudonym: name }),
    });
    return;
  }
  if (known.pseudonym !== name || known.patientId !== (patientId || undefined)) {
    throw new UsageError(`${line} gives a study of an earlier line another patient or pseudonym.`);
  }
  // A row without a series asks for the whole study.
  if (!series || !known.seriesInstanceUids) delete known.seriesInstanceUids;
  else if (!known.seriesInstanceUids.includes(series)) known.seriesInstanceUids.push(series);
}
