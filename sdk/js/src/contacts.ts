/** The contact that the run is about. */

import * as contract from 'jackfield:plugin/contacts@1.1.0';
import { call } from './call.ts';

/** How a field is changed: replaced, removed, added to at its end, or counted up. */
export type Operation = contract.Operation;

/** The contact as it stands, with what this run has changed; `undefined` where the run has none. */
export function get(): { [field: string]: any } | undefined {
  const contact = contract.get();
  return contact === undefined ? undefined : JSON.parse(contact);
}

/**
 * Changes one field. Answers with the new value as the field's type stores it. Errors: `not-found`
 * (no contact, or no such field), `invalid`.
 */
export function update(field: string, operation: Operation, value: unknown = null): any {
  return JSON.parse(call(() => contract.update(field, operation, JSON.stringify(value))));
}

/** Adds tags to the contact. Errors: `not-found` (no contact), `invalid`. */
export function addTags(tags: string[]): void {
  call(() => contract.addTags(tags));
}

/** A change of tags. */
export interface Retag {
  /** Tags to add. One that is there already is left alone. */
  add?: string[];
  /** Tags to remove. */
  remove?: string[];
  /** Raises no event `tag.updated`, so that no workflow starts by it. */
  silent?: boolean;
}

/** What a change of tags came to. */
export interface Retagged {
  /** The tags that were not there yet. */
  added: string[];
  /** The tags that were there. */
  removed: string[];
}

/**
 * Adds and removes tags in one, and answers with what changed. Errors: `not-found` (no contact),
 * `invalid`.
 */
export function retag(change: Retag): Retagged {
  return JSON.parse(call(() => contract.retag(JSON.stringify(change)))) as Retagged;
}

/** An opt-out. */
export interface OptOut {
  /** Nobody of the workspace sends any more (`account`, the default), or nothing over the channel. */
  scope?: 'account' | 'sender';
  /** The channel on which the contact has the address; that of its last message where none is named. */
  channel?: string;
  /** Takes it back. */
  in?: boolean;
}

/** What an opt-out came to. */
export interface OptedOut {
  /** The contact's address of which it was said. */
  address: string;
  /** How far it reaches. */
  scope: 'account' | 'sender';
  /** Whether it is new. */
  changed: boolean;
}

/**
 * Records that the contact wants nothing more, or wants it again. Errors: `not-found` (no contact, or
 * no such channel), `no-channel`, `no-address`.
 */
export function optOut(request: OptOut = {}): OptedOut {
  return JSON.parse(call(() => contract.optOut(JSON.stringify(request)))) as OptedOut;
}
