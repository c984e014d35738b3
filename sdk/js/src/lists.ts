/** The workspace's lists of contacts. */

import * as contract from 'jackfield:plugin/lists@1.1.0';
import { call } from './call.ts';

/**
 * Puts the contact on a list. Answers whether it was not on it yet. Errors: `not-found` (no contact,
 * or no such list: the message says which lists there are).
 */
export function add(list: string): boolean {
  return call(() => contract.add(list));
}

/** Takes the contact off a list. Answers whether it was on it. Errors as of `add`. */
export function remove(list: string): boolean {
  return call(() => contract.remove(list));
}
