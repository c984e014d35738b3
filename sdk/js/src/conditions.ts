/** The one evaluator of conditions that triggers, `when:` and waits use too. */

import * as contract from 'jackfield:plugin/conditions@1.1.0';
import { call } from './call.ts';

/** Whether a condition holds for the run, such as `{field: 'contact.city', is: 'Paris'}`. Errors: `invalid`. */
export function evaluate(condition: unknown): boolean {
  return call(() => contract.evaluate(JSON.stringify(condition)));
}
