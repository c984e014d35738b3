/** The import `templates`, by the test host: the templates that the test gave, as they are. */

import type * as contract from 'jackfield:plugin/templates@1.1.0';
import { host, refuse } from '../host.ts';

export const render: typeof contract.render = (name) => {
  const template = host().options.templates?.[name];
  return template === undefined ? refuse('not-found', `there is no template \`${name}\``) : JSON.stringify(template);
};
