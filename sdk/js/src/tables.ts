/** The workspace's tables: rows that workflows write, and that people download. */

import * as contract from 'jackfield:plugin/tables@1.1.0';
import { call } from './call.ts';

/**
 * Adds a row to a table: values by column; a column that is left out is empty. Answers with the row's
 * id; ids sort by time. Errors: `not-found` (no such table: the message says which tables there are),
 * `invalid` (no column, one that the table has not, a value that is a list or an object), `too-large`
 * (more than 5,000 characters in a cell), `full` (the table has 100,000 rows).
 */
export function append(
  table: string,
  row: { [column: string]: string | number | boolean | null },
): string {
  return call(() => contract.append(table, JSON.stringify(row)));
}
