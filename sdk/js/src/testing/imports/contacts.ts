/** The import `contacts`, by the test host: the contact that the test gave, whose tags change. */

import type * as contract from 'jackfield:plugin/contacts@1.1.0';
import type { OptedOut, OptOut, Retagged } from '../../contacts.ts';
import { answered, host, type JsonObject, someContact } from '../host.ts';

export const get: typeof contract.get = () => {
  const { contact } = host();
  return contact === undefined ? undefined : JSON.stringify(contact);
};

export const update: typeof contract.update = (field, operation, json) => {
  const { options, updates } = host();
  someContact();
  const change = { field, operation, value: JSON.parse(json) };
  const answer = answered(() => options.update?.(change) ?? change.value);
  updates.push(change);
  return JSON.stringify(answer);
};

export const addTags: typeof contract.addTags = (tags) => {
  changed(someContact(), tags, []);
  host().tags.push(...tags);
};

export const retag: typeof contract.retag = (json) => {
  const contact = someContact();
  const change = JSON.parse(json);
  host().retags.push(change);
  return JSON.stringify(changed(contact, change.add ?? [], change.remove ?? []));
};

export const optOut: typeof contract.optOut = (json) => {
  const contact = someContact();
  const request: OptOut = JSON.parse(json);
  const out = request.in !== true;
  const changed = host().optedOut !== out;
  host().optedOut = out;
  host().optOuts.push(request);
  const answer: OptedOut = {
    address: contact['phone'] ?? '',
    scope: request.scope ?? 'account',
    changed,
  };
  return JSON.stringify(answer);
};

/** Takes tags off a contact and puts others on it; answers with what was new. */
function changed(contact: JsonObject, add: string[], remove: string[]): Retagged {
  const before: string[] = contact['tags'] ?? [];
  const removed = [...new Set(remove)].filter((tag) => before.includes(tag));
  const kept = before.filter((tag) => !removed.includes(tag));
  const added = [...new Set(add)].filter((tag) => !kept.includes(tag));
  if (added.length + removed.length > 0) {
    contact['tags'] = [...kept, ...added];
  }
  return { added, removed };
}
