/** Mail to the outside over SMTP, under the plugin's grant. */

import * as contract from 'jackfield:plugin/email@1.1.0';
import { call } from './call.ts';

/** What a server's record must have; the rest may be left out. */
export type Server = Pick<contract.Server, 'host' | 'port' | 'tls'> & Partial<contract.Server>;
/** What a mail must have; the rest may be left out. */
export type Mail = Pick<contract.Mail, 'from' | 'to' | 'subject'> & Partial<contract.Mail>;
/** What a server said of a mail that it took. */
export type Accepted = contract.Accepted;

/**
 * Hands a mail to a server. Succeeds when at least one recipient was accepted. Errors: as of HTTP,
 * and `smtp` with the detail `{code, enhanced, stage, text, rejected}`.
 */
export function send(server: Server, mail: Mail): Accepted {
  return call(() => contract.send(whole(server), { ...EMPTY, ...mail }));
}

/** Connects, logs in and leaves, without a mail. Answers with the server's greeting. */
export function check(server: Server): string {
  return call(() => contract.check(whole(server)));
}

function whole(server: Server): contract.Server {
  return { auth: undefined, timeout: undefined, ...server };
}

const EMPTY = {
  cc: [],
  bcc: [],
  replyTo: undefined,
  text: undefined,
  html: undefined,
  attachments: [],
  messageId: undefined,
  inReplyTo: undefined,
  references: [],
  headers: [],
};
