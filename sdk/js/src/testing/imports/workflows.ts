/** The import `workflows`, by the test host: what was started, unless the test refuses it. */

import type * as contract from 'jackfield:plugin/workflows@1.1.0';
import { answered, host } from '../host.ts';

export const start: typeof contract.start = (workflow, json) => {
  const { options, started } = host();
  const asked = { workflow, options: JSON.parse(json) };
  answered(() => options.start?.(asked));
  started.push(asked);
  return `run-${started.length}`;
};
