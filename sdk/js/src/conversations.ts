/** The conversations with the contact: at most one of them is open or snoozed at a time. */

import * as contract from 'jackfield:plugin/conversations@1.1.0';
import { call } from './call.ts';
import { toWire } from './names.ts';

/** A conversation: `{id, state, source, opened_at, ...}`, as the host names its fields. */
export type Conversation = { [field: string]: any };

/** What a conversation is closed with. */
export interface Note {
  /** One of the workspace's categories, where it has any. */
  category?: string;
  /** For people; at most 2,000 characters. */
  summary?: string;
}

/**
 * The conversation that is open or snoozed, else the last one, as it stands with what this run has
 * changed; `undefined` where there never was one.
 */
export function get(): Conversation | undefined {
  const conversation = contract.get();
  return conversation === undefined ? undefined : JSON.parse(conversation);
}

/**
 * Opens a conversation. One that is open already is left alone, one that is snoozed is open again.
 * Answers with it as `get` does. Errors: `not-found` (no contact).
 */
export function open(): Conversation {
  return JSON.parse(call(() => contract.open()));
}

/**
 * Closes the conversation, with a note or without. Answers with it as `get` does; `undefined` where
 * none was open, and then nothing happens. Errors: `not-found` (no contact), `invalid` (no such
 * category, a note that the workspace wants and does not get, a summary that is too long).
 */
export function close(note?: Note): Conversation | undefined {
  const text = note === undefined ? undefined : JSON.stringify(note);
  return JSON.parse(call(() => contract.close(text))) ?? undefined;
}

/**
 * Adds a comment to the conversation that is open or was last, for people of the workspace: it is
 * never sent to the contact. Users are mentioned by `@` and their mail address or name. Answers with
 * the comment's id. Errors: `not-found` (no contact), `invalid` (an empty text), `too-large` (more
 * than 5,000 characters).
 */
export function comment(text: string): string {
  return call(() => contract.comment(text));
}

/** Who gets the contact: exactly one of the first four. The rest is how one of several is chosen. */
export interface Assign {
  /** This user, by mail address, name or id. */
  user?: string;
  /** Somebody of a team, by its name. */
  team?: string;
  /** Somebody of the workspace. */
  workspace?: true;
  /** Nobody: whoever has it, has it no more. */
  nobody?: true;
  /** How one is chosen; left out: `round-robin`. With `ring-all` whoever takes it first. */
  by?:
    | 'round-robin'
    | 'least-open'
    | 'least-recent'
    | 'fewest-completed'
    | 'linear'
    | 'random'
    | 'weighted-random'
    | 'ring-all';
  /** Only users that are online. */
  onlyOnline?: boolean;
  /** Only users that are not on a call. */
  notOnCall?: boolean;
  /** Only users with fewer open contacts than this, at least 1. */
  fewerThan?: number;
  /** Before those with a lower priority, -100 to 100; left out: 0. */
  priority?: number;
  /** With the event `queue.overdue` after so long in the queue, such as `60s`. */
  serviceLevel?: string;
}

/** A user of the workspace. */
export interface User {
  id: string;
  name: string;
  email: string;
}

/**
 * What became of an assignment: the user that has the contact, `undefined` for nobody; or the id of
 * the place in the queue, where somebody is still to be chosen; or how many wait, where no more may.
 */
export type Assigned = { assignee: User | undefined } | { queued: string } | { full: number };

/**
 * Gives the contact to a user, or takes it from the one who has it. Of a team or the workspace
 * somebody is chosen when the outcome is committed, at once if somebody is free; who it is, arrives
 * as the event `queue.finished` about the id of the place in the queue, with the data `{queue: {id,
 * outcome, assignee}}`. Where as many wait as may, the contact gets no place.
 * Errors: `not-found` (no contact, no such user or team), `no-members` (a team without users, a
 * workspace without any), `invalid`.
 */
export function assign(request: Assign): Assigned {
  const answer = JSON.parse(call(() => contract.assign(JSON.stringify(toWire(request)))));
  if ('queued' in answer || 'full' in answer) {
    return answer;
  }
  return { assignee: answer.assignee ?? undefined };
}

/**
 * Gives up a place in the queue. Answers whether the contact was still waiting in it: if not, it has
 * somebody by now. Errors: `not-found` (no contact).
 */
export function leaveQueue(id: string): boolean {
  return call(() => contract.leaveQueue(id));
}
