/** The workspace's templates. */

import * as contract from 'jackfield:plugin/templates@1.1.0';
import { call } from './call.ts';

/** A template with the run's variables put in. */
export interface Rendered {
  /** Of templates that have one. */
  subject?: string;
  /** The HTML form. */
  html: string;
  /** The plain text form. */
  text: string;
}

/**
 * Puts the run's variables into a template. `values` stands under the namespace `values`. Errors:
 * `not-found`, `invalid`, `unset-variable`.
 */
export function render(name: string, values?: { [name: string]: unknown }): Rendered {
  const text = values === undefined ? undefined : JSON.stringify(values);
  return JSON.parse(call(() => contract.render(name, text))) as Rendered;
}
