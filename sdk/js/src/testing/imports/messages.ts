/** The import `messages`, by the test host: the channels that the test gave, and an outbox. */

import type * as contract from 'jackfield:plugin/messages@1.1.0';
import type { OutgoingMessage } from '../../message.ts';
import { fromWire } from '../../names.ts';
import { host, type JsonObject, refuse } from '../host.ts';
import { hold, OUTGOING_MESSAGE } from '../schemas.ts';

export const channel: typeof contract.channel = (name) => JSON.stringify(find(name));

export const send: typeof contract.send = (json) => {
  const document = JSON.parse(json);
  hold('an outgoing message', OUTGOING_MESSAGE, document);
  find(document.channel);
  const { messages } = host();
  messages.push(fromWire(document) as OutgoingMessage);
  return `message-${messages.length}`;
};

function find(name: string): JsonObject {
  const channels = host().options.channels ?? [];
  const found =
    name === 'last-interacted'
      ? channels[0]
      : channels.find((channel) => channel['name'] === name || channel['id'] === name);
  return found ?? refuse('not-found', `there is no channel \`${name}\``);
}
