/**
 * The run's own clock. Times are milliseconds since 1970-01-01T00:00:00Z, as `Date` counts them.
 *
 * `Date.now()` is not it: inside the sandbox it stands where it stood when the plugin was built.
 */

import * as contract from 'jackfield:plugin/clock@1.1.0';
import { call } from './call.ts';
import { toWire } from './names.ts';

/** The time now. */
export function now(): number {
  return Number(contract.now());
}

/**
 * The instant of a date and time as people write it; without an offset in the workspace's time zone.
 * Errors: `invalid`.
 */
export function parse(text: string): number {
  return Number(call(() => contract.parse(text)));
}

/** The length in milliseconds of a duration such as `15m` or `1d12h`. Errors: `invalid`. */
export function duration(text: string): number {
  return Number(call(() => contract.duration(text)));
}

/** Business hours, such as `{timeZone: 'Europe/Paris', monday: ['09:00-12:00']}`. */
export type Hours = { timeZone?: string; holidays?: string[] } & {
  [day in 'monday' | 'tuesday' | 'wednesday' | 'thursday' | 'friday' | 'saturday' | 'sunday']?: string[];
};

/**
 * The first instant, not before `after`, at which these business hours are open. Errors: `invalid`;
 * `not-found` when they are never open within 365 days.
 */
export function nextOpen(hours: Hours, after: number): number {
  return Number(call(() => contract.nextOpen(JSON.stringify(toWire(hours)), BigInt(Math.ceil(after)))));
}
