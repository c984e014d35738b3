/** Lines for the run's timeline and the operator's log. */

import './call.ts';
import { write } from 'jackfield:plugin/log@1.1.0';

/** What helps to find a mistake. */
export function debug(message: string): void {
  write('debug', message);
}

/** What an operator wants to read. */
export function info(message: string): void {
  write('info', message);
}

/** What went differently than it should. */
export function warn(message: string): void {
  write('warn', message);
}

/** What went wrong. */
export function error(message: string): void {
  write('error', message);
}
