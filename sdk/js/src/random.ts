/**
 * Randomness of the run's own: the same when an activation is taken up again.
 *
 * `Math.random()` is not it: inside the sandbox its numbers were decided when the plugin was built.
 */

import './call.ts';
import * as contract from 'jackfield:plugin/random@1.1.0';

/** So many bytes, at most 1,024. */
export function bytes(length: number): Uint8Array {
  return contract.bytes(length);
}
