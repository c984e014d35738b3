/** The import `variables`, by the test host. */

import type * as contract from 'jackfield:plugin/variables@1.1.0';
import { host, refuse } from '../host.ts';

export const get: typeof contract.get = (path) => {
  const { contact, variables, options } = host();
  const root: any = { vars: variables, steps: options.steps, contact };
  const value = path.split('.').reduce((inner, name) => inner?.[name], root);
  return value === undefined || value === null ? undefined : JSON.stringify(value);
};

export const set: typeof contract.set = (name, json) => {
  if (!/^[a-z][a-z0-9_]{0,63}$/.test(name)) {
    refuse('invalid', `\`${name}\` is no name of a variable`);
  }
  const value: unknown = JSON.parse(json);
  if (value === null) {
    delete host().variables[name];
  } else {
    host().variables[name] = value;
  }
};
