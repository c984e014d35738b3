/** The import `files`, by the test host: those that the test gave. */

import type * as contract from 'jackfield:plugin/files@1.1.0';
import { host, refuse } from '../host.ts';

export const read: typeof contract.read = (name) => {
  const file = host().options.files?.[name] ?? refuse('not-found', `there is no file \`${name}\``);
  return typeof file === 'string' ? new TextEncoder().encode(file) : file;
};
