/** The run's variables. They live as long as the run. */

import * as contract from 'jackfield:plugin/variables@1.1.0';
import { call } from './call.ts';

/** The value at a path, such as `contact.firstname` or `vars.answer`; `undefined` when it has none. */
export function get(path: string): any {
  const value = contract.get(path);
  return value === undefined ? undefined : JSON.parse(value);
}

/** Sets `vars.<name>`; `null` removes it. Errors: `invalid`, `too-large`. */
export function set(name: string, value: unknown): void {
  call(() => contract.set(name, JSON.stringify(value ?? null)));
}
