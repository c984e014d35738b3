/** The import `email`, by the test host: what the test's functions answer. */

import type * as contract from 'jackfield:plugin/email@1.1.0';
import { answered, host, refuse } from '../host.ts';

export const send: typeof contract.send = (server, mail) => {
  const { mails, options } = host();
  mails.push({ server, mail });
  const { mail: answer } = options;
  return answer === undefined ? refuse('denied', 'no mail server') : answered(() => answer(mail, server));
};

export const check: typeof contract.check = (server) => {
  const { mailCheck } = host().options;
  return mailCheck === undefined ? refuse('denied', 'no mail server') : answered(() => mailCheck(server));
};
