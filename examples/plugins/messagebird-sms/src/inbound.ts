/**
 * What MessageBird says: delivery updates (GET, everything in the query) and messages (POST as a form,
 * or GET). The names of the parameters are written in different cases, so they are read in lower case.
 */

import type { InboundEvent, Received, WebhookRequest } from '@jackfield/plugin';
import { statusError } from './errors.ts';

type Parameters = { [name: string]: string };

/** `scheduled` says nothing that the host does not know. */
const STATUSES: { [status: string]: 'sent' | 'delivered' | 'failed' } = {
  sent: 'sent',
  buffered: 'sent',
  delivered: 'delivered',
  expired: 'failed',
  delivery_failed: 'failed',
};

/** Reads a request that is MessageBird's. Anything but 200 would have it sent again. */
export function read(request: WebhookRequest): Received {
  const pairs = [...request.query, ...request.form()];
  const parameters = Object.fromEntries(pairs.map(([name, value]) => [name.toLowerCase(), value]));
  const event = parameters['status'] === undefined ? message(parameters) : update(parameters);
  return { status: 200, text: 'OK', events: event === undefined ? [] : [event] };
}

function update(parameters: Parameters): InboundEvent | undefined {
  const status = STATUSES[parameters['status'] ?? ''];
  const { id, reference, statuserrorcode, statusreason, statusdatetime } = parameters;
  if (status === undefined || (id === undefined && reference === undefined)) return undefined;
  const error = status === 'failed' ? statusError(statuserrorcode, statusreason) : undefined;
  return { type: 'status', providerId: id, messageId: reference, status, at: time(statusdatetime), error };
}

function message(parameters: Parameters): InboundEvent | undefined {
  // Short codes have names of their own.
  const { id, originator, recipient, body, createddatetime } = parameters;
  const { mid = id, shortcode = recipient, message: text = body, receive_datetime: at = createddatetime } = parameters;
  if (!mid || !originator) return undefined;
  const to = shortcode === undefined ? undefined : address(shortcode);
  const content = { type: 'text', text: text ?? '' } as const;
  return { type: 'message', providerId: mid, from: address(originator), to, at: time(at), content, raw: parameters };
}

/** Numbers have no plus there; short codes and names are not numbers. */
function address(originator: string): string {
  return /^[0-9]{7,15}$/.test(originator) ? `+${originator}` : originator;
}

/** RFC 3339, or `yyyymmddHHMMSS` in UTC. */
function time(written: string | undefined): number | undefined {
  const compact = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)$/.exec(written ?? '');
  const text = compact === null ? written : `${compact.slice(1, 4).join('-')}T${compact.slice(4).join(':')}Z`;
  const at = Date.parse(text ?? '');
  return Number.isNaN(at) ? undefined : at;
}
