/** The import `tables`, by the test host: the rows that were added. Every table that is named exists. */

import type * as contract from 'jackfield:plugin/tables@1.1.0';
import { host, refuse } from '../host.ts';

export const append: typeof contract.append = (table, json) => {
  const row = JSON.parse(json);
  if (Object.keys(row).length === 0) {
    refuse('invalid', 'a row is an object with a column');
  }
  const { rows } = host();
  rows.push({ table, row });
  return `row-${rows.length}`;
};
