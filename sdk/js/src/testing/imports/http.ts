/** The import `http`, by the test host: what the test's function answers. */

import type * as contract from 'jackfield:plugin/http@1.1.0';
import { answered, host, refuse, SentRequest } from '../host.ts';

export const fetch: typeof contract.fetch = (request) => {
  const { requests, options } = host();
  const sent = new SentRequest(request);
  requests.push(sent);
  const { http } = options;
  return http === undefined ? refuse('denied', `no answer for ${sent.url}`) : answered(() => http(sent));
};
