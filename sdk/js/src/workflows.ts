/** The workspace's other workflows. */

import * as contract from 'jackfield:plugin/workflows@1.1.0';
import { call } from './call.ts';

/** What a workflow starts with. */
export interface Start {
  /** The id of the step to begin at; left out: the first. */
  from?: string;
  /** Its variables, by their names without `vars.`. */
  variables?: { [name: string]: unknown };
  /** What its trigger brings. */
  data?: { [name: string]: unknown };
}

/**
 * Starts a workflow that has the trigger `manual`, for the contact of this run, and answers with the
 * run's id. It begins when the outcome is committed; its end arrives as the event `run.ended` about
 * that id, with the data `{ended: {id, workflow, state, reason, variables}}`. Errors: `not-found` (no
 * such workflow or step, or it has no trigger `manual`), `invalid`, `already-enrolled` (the contact
 * is in it already), `loop-guard` (ten workflows have started one another).
 */
export function start(workflow: string, options: Start = {}): string {
  return call(() => contract.start(workflow, JSON.stringify(options)));
}
