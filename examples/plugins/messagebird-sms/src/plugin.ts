/**
 * The connector `messagebird-sms`: SMS through MessageBird's REST API, in both directions.
 *
 * MessageBird has no idempotency key for messages, so a send without an answer is `maybe-sent` and the
 * host does not repeat it. Every message carries its own id as `reference`, which the delivery updates
 * give back, so that an update finds its message even when it overtakes the answer.
 *
 * `errors` knows MessageBird's errors, `signature` checks who calls, `inbound` reads what they say.
 */

import { connector, recipient, refused, SendError, Type } from '@jackfield/plugin';
import * as http from '@jackfield/plugin/http';
import project from '../package.json' with { type: 'json' };
import { failure } from './errors.ts';
import { read } from './inbound.ts';
import { distrust } from './signature.ts';

/** Nine parts of 153 characters. */
const LONGEST_TEXT = 1_377;

export default connector({
  name: project.name,
  version: project.version,
  title: 'SMS (MessageBird)',
  summary: 'SMS through MessageBird, in both directions, with delivery updates and STOP, START and HELP.',
  icon: '🐦',
  address: 'phone',
  messageTypes: ['text'],
  textLimit: { max: LONGEST_TEXT, unit: 'characters' },
  statuses: ['sent', 'delivered', 'failed'],
  inbound: true,
  keywords: true,
  hosts: ['https://rest.messagebird.com', '{setting:base-url}'],
  secrets: [
    {
      name: 'access-key',
      title: 'Access key',
      summary: "A live key from MessageBird's dashboard, under Developers, API access.",
      places: ['header'],
    },
    {
      name: 'signing-key',
      title: 'Signing key',
      summary: "From the same page; it proves that inbound requests are MessageBird's.",
      places: ['hmac'],
    },
  ],
  settings: Type.Object({
    originator: Type.String({
      description: 'Who messages come from: a number such as `+31612345678`, or a name of at most 11 letters and digits.',
      pattern: '^(\\+?[0-9]{1,17}|[A-Za-z0-9 ]{1,11})$',
    }),
    baseUrl: Type.String({
      description: "Where MessageBird's API is, for tests.",
      default: 'https://rest.messagebird.com',
      format: 'uri',
    }),
  }),

  check({ settings }) {
    const balance = call(settings.baseUrl, 'GET', '/balance');
    return { payment: balance?.payment, balance: balance?.amount, unit: balance?.type };
  },

  connect({ settings }, publicUrl) {
    const instructions =
      `In MessageBird's dashboard, under Flow Builder, make a flow for ${settings.originator} that begins with ` +
      `"SMS" and forwards to the URL ${publicUrl} with POST as form data. Delivery updates come by themselves.`;
    return { registered: false, instructions };
  },

  send({ settings }, message) {
    if (message.content.type !== 'text') throw SendError.unsupported('MessageBird takes texts only');
    const sent = call(settings.baseUrl, 'POST', '/messages', {
      originator: digits(message.sender ?? settings.originator),
      recipients: [digits(recipient(message))],
      body: message.content.text,
      // By itself MessageBird cuts letters that plain SMS does not have.
      datacoding: 'auto',
      // Updates are sent only for messages that have one.
      reference: message.id,
      reportUrl: message.statusUrl,
    });
    if (typeof sent?.id !== 'string') throw SendError.unknown('MessageBird took the message and gave no id');
    const { recipients } = sent;
    const status = recipients?.items?.[0]?.status === 'sent' ? 'sent' : 'accepted';
    return { providerId: sent.id, status, detail: { parts: recipients?.items?.[0]?.messagePartCount } };
  },

  receive(_channel, request) {
    const reason = distrust(request);
    return reason === undefined ? read(request) : refused(reason);
  },
});

/** A request to the API; its answer as JSON. */
function call(base: string, method: string, path: string, json?: unknown): any {
  const headers = { authorization: 'AccessKey {{secret:access-key}}', accept: 'application/json' };
  const response = http.request(method, base.replace(/\/+$/, '') + path, { headers, json });
  if (!response.ok) throw failure(response);
  return response.json();
}

/** MessageBird's numbers have no plus. */
function digits(address: string): string {
  return /^\+[0-9]+$/.test(address) ? address.slice(1) : address;
}
