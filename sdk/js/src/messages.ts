/** Messages to contacts and others, through the workspace's channels. */

import * as contract from 'jackfield:plugin/messages@1.1.0';
import { call } from './call.ts';
import type { TextLimit } from './descriptor.ts';
import type { OutgoingMessage } from './message.ts';
import { fromWire, toWire } from './names.ts';

/** A channel, with what a step may want to know of it. */
export interface ChannelInfo {
  /** Its id. */
  id: string;
  /** Its name. */
  name: string;
  /** Its connector's name. */
  kind: string;
  /** What its addresses are. */
  addressKind: 'phone' | 'email' | 'id';
  /** How many buttons a message may have, and how long a title may be; left out: no buttons. */
  quickReplies?: { max: number; titleMax: number };
  /** The provider has templates of its own. */
  templates?: boolean;
  /** The longest text. */
  textLimit?: TextLimit;
}

/**
 * The channel that a name stands for; `last-interacted` is the channel of the contact's last
 * message. Errors: `not-found`; `no-channel` for `last-interacted` where the contact has none.
 */
export function channel(name: string): ChannelInfo {
  return fromWire(JSON.parse(call(() => contract.channel(name)))) as ChannelInfo;
}

/**
 * Puts a message into the outbox and answers with its id. What becomes of it arrives as events
 * `message.status` about that id. Errors: `invalid`, `not-found`, `too-large`, `no-channel` as of
 * `channel`; `no-address` where `to` is left out and the contact cannot be reached on the channel.
 */
export function send(message: OutgoingMessage): string {
  return call(() => contract.send(JSON.stringify(toWire(message))));
}
