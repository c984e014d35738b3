/** The import `contacts`, by the test host. */

import type * as contract from 'jackfield:plugin/contacts@1.0.0';
import { answered, host, refuse } from '../host.ts';

export const get: typeof contract.get = () => {
  const { contact } = host().options;
  return contact === undefined ? undefined : JSON.stringify(contact);
};

export const update: typeof contract.update = (field, operation, json) => {
  const { options, updates } = host();
  known();
  const change = { field, operation, value: JSON.parse(json) };
  const answer = answered(() => options.update?.(change) ?? change.value);
  updates.push(change);
  return JSON.stringify(answer);
};

export const addTags: typeof contract.addTags = (tags) => {
  known();
  host().tags.push(...tags);
};

function known(): void {
  if (host().options.contact === undefined) {
    refuse('not-found', 'the run has no contact');
  }
}
