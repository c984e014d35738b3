/** The import `conditions`, by the test host: what the test's function answers. */

import type * as contract from 'jackfield:plugin/conditions@1.1.0';
import { answered, host } from '../host.ts';

export const evaluate: typeof contract.evaluate = (condition) =>
  answered(() => host().options.condition?.(JSON.parse(condition)) ?? false);
