/** The import `log`, by the test host. */

import type * as contract from 'jackfield:plugin/log@1.1.0';
import { host } from '../host.ts';

export const write: typeof contract.write = (level, message) => {
  host().logs.push(`${level}: ${message}`);
};
