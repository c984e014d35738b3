/** The import `conversations`, by the test host: one, as the test gave it or as the plugin opened it. */

import type * as contract from 'jackfield:plugin/conversations@1.1.0';
import { host, refuse, someContact } from '../host.ts';

export const get: typeof contract.get = () => {
  const { conversation } = host();
  return conversation === undefined ? undefined : JSON.stringify(conversation);
};

export const open: typeof contract.open = () => {
  someContact();
  const here = host();
  const { conversation } = here;
  if (conversation?.['state'] === 'snoozed') {
    here.conversation = { ...conversation, state: 'open' };
  } else if (conversation?.['state'] !== 'open') {
    here.opened += 1;
    const id = `conversation-${here.opened}`;
    here.conversation = { id, state: 'open', source: 'workflow', opened_at: instant(here.now) };
  }
  return JSON.stringify(here.conversation);
};

export const close: typeof contract.close = (json) => {
  someContact();
  const here = host();
  const { conversation } = here;
  if (conversation === undefined || conversation['state'] === 'closed') {
    return 'null';
  }
  const note = json === undefined ? {} : JSON.parse(json);
  if ([...(note.summary ?? '')].length > 2_000) {
    refuse('invalid', 'a summary has at most 2,000 characters');
  }
  const end = { state: 'closed', closed_at: instant(here.now), closed_by: 'workflow' };
  here.conversation = { ...conversation, ...note, ...end };
  return JSON.stringify(here.conversation);
};

export const comment: typeof contract.comment = (text) => {
  someContact();
  if (text.trim() === '') {
    refuse('invalid', 'a comment has a text');
  }
  if ([...text].length > 5_000) {
    refuse('too-large', 'a comment has at most 5,000 characters');
  }
  const { comments } = host();
  comments.push(text);
  return `comment-${comments.length}`;
};

export const assign: typeof contract.assign = (json) => {
  someContact();
  const request = JSON.parse(json);
  const { user, team, workspace, nobody } = request;
  if ([user, team, workspace, nobody].filter((named) => named !== undefined).length !== 1) {
    refuse('invalid', 'name one of `user`, `team`, `workspace` and `nobody`');
  }
  const here = host();
  here.assigned.push(request);
  if (user !== undefined) {
    return JSON.stringify({ assignee: { id: user, name: user, email: user } });
  }
  if (nobody) {
    return JSON.stringify({ assignee: null });
  }
  here.queued += 1;
  const queued = `place-${here.queued}`;
  here.places.add(queued);
  return JSON.stringify({ queued });
};

export const leaveQueue: typeof contract.leaveQueue = (id) => {
  someContact();
  return host().places.delete(id);
};

/** RFC 3339 of milliseconds since 1970. */
function instant(at: number): string {
  return new Date(at).toISOString().replace('.000Z', 'Z');
}
