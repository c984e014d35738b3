/** The conversations with the contact: at most one of them is open or snoozed at a time. */

import * as contract from 'jackfield:plugin/conversations@1.1.0';
import { call } from './call.ts';

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
