/** The workspace's files. */

import * as contract from 'jackfield:plugin/files@1.1.0';
import { call } from './call.ts';

/**
 * The bytes of a file, by its name. Errors: `not-found` (no such file: the message says which files
 * there are), `too-large` (more than 262,144 bytes).
 */
export function read(name: string): Uint8Array {
  return call(() => contract.read(name));
}
