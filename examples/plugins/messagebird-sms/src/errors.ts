/**
 * MessageBird's errors as kinds of send errors.
 *
 * An answer that is no success has `{"errors": [{"code", "description", "parameter"}]}`.
 */

import { type Failure, SendError } from '@jackfield/plugin';
import * as clock from '@jackfield/plugin/clock';
import type { Response } from '@jackfield/plugin/http';

/** The contract's codes, and in which functions of the SDK they stand. */
type Kind = Exclude<keyof typeof SendError, 'of'>;

const CODES: { [code: number]: Kind } = {
  2: 'auth', // request not allowed
  25: 'quota', // not enough balance
  98: 'transient', // no answer from a part of the API
  99: 'transient', // internal error
  101: 'transient', // try again
};

/** Missing (9) and invalid (10) parameters, by whose they are: the contact's, or the message's. */
const PARAMETERS: { [name: string]: Kind } = {
  recipient: 'recipientInvalid',
  recipients: 'recipientInvalid',
  body: 'contentRejected',
  originator: 'policy', // ours, and not allowed to send this
};

/** The failure of an answer that is none of 200 to 299. */
export function failure(response: Response): Failure {
  const error = response.json()?.errors?.[0];
  const said = error === undefined ? 'no reason given' : `${error.description} (${error.code})`;
  const message = `MessageBird answered HTTP ${response.status}: ${said}`;
  // 429 and 5xx pass by themselves, whatever else is said.
  if (response.status === 429) {
    return SendError.rateLimited(message, { retryAfter: response.retryAfter(clock.now()) });
  }
  if (response.status >= 500) {
    // A gateway that gave up waiting does not know whether the message was taken.
    return SendError.transient(message, { maybeSent: response.status === 504 });
  }
  const byParameter = [9, 10].includes(error?.code) ? PARAMETERS[error.parameter] : undefined;
  const byStatus = response.status === 401 ? 'auth' : 'unknown';
  return SendError[byParameter ?? CODES[error?.code] ?? byStatus](message);
}

/** The error of a delivery update, by its `statusErrorCode` and `statusReason`. */
export function statusError(code: string | undefined, reason: string | undefined) {
  const kind = code === '103' ? 'recipientOptedOut' : reason === 'unknown subscriber' ? 'recipientInvalid' : 'unknown';
  const message = reason === undefined || reason === '' ? 'MessageBird gave no reason' : reason;
  return { code: SendError[kind](message).code, providerCode: code, message };
}
