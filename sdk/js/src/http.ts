/**
 * HTTP requests to the outside, under the plugin's grant.
 *
 * `{{secret:NAME}}` may stand in header values, credentials, path, query and body; the host puts the
 * value in.
 */

import * as contract from 'jackfield:plugin/http@1.1.0';
import { bytes, text } from './bytes.ts';
import { call } from './call.ts';

/** What a request may have beside its method and address. One of `body`, `json` and `form`. */
export interface Options {
  /** In any case. */
  headers?: { [name: string]: string } | [string, string][] | undefined;
  /** HTTP Basic. */
  basicAuth?: { username: string; password: string } | undefined;
  /** As it stands; its type belongs into the headers. */
  body?: string | Uint8Array | undefined;
  /** Sent as `application/json`. */
  json?: unknown;
  /** Sent as `application/x-www-form-urlencoded`. */
  form?: { [name: string]: string } | [string, string][] | undefined;
  /** Milliseconds for the whole exchange; left out: 10,000, at most 120,000. */
  timeout?: number | undefined;
  /** How many redirects to follow; left out: 3, at most 3. */
  maxRedirects?: number | undefined;
  /**
   * The receiver honours an idempotency key in this header: the host puts it there, and may then
   * repeat the request after a crash.
   */
  idempotencyHeader?: string | undefined;
}

/** An answer, of any status. */
export class Response {
  /** The status code. */
  readonly status: number;
  /** In the order received. */
  readonly headers: [string, string][];
  /** The raw bytes. */
  readonly body: Uint8Array;
  /** After redirects. */
  readonly url: string;

  constructor(answer: contract.Response) {
    this.status = answer.status;
    this.headers = answer.headers;
    this.body = answer.body;
    this.url = answer.url;
  }

  /** 200 to 299. */
  get ok(): boolean {
    return this.status >= 200 && this.status < 300;
  }

  /** A header's first value; names in any case. */
  header(name: string): string | undefined {
    return this.headers.find(([key]) => key.toLowerCase() === name.toLowerCase())?.[1];
  }

  /** The body as text. */
  text(): string {
    return text(this.body);
  }

  /** The body as JSON; `undefined` when it is none. */
  json(): any {
    try {
      return JSON.parse(this.text());
    } catch {
      return undefined;
    }
  }

  /**
   * The wait that `Retry-After` asks for, in milliseconds from `now`: seconds or a date (RFC 9110,
   * section 10.2.3).
   */
  retryAfter(now: number): number | undefined {
    const value = this.header('retry-after')?.trim() ?? '';
    if (/^\d+$/.test(value)) {
      return Number(value) * 1_000;
    }
    const at = Date.parse(value);
    return Number.isNaN(at) ? undefined : Math.max(at - now, 0);
  }
}

/**
 * Does a request. An answer of any status is a response. Errors: `denied`, `address-refused`,
 * `invalid`, `too-large`, `timeout`, `connect`, `tls`, `broken`, `too-many-redirects`,
 * `secret-missing`, `busy`.
 */
export function request(method: string, url: string, options: Options = {}): Response {
  const headers = pairs(options.headers);
  let body = options.body === undefined ? undefined : bytes(options.body);
  if (options.json !== undefined) {
    headers.push(['content-type', 'application/json']);
    body = bytes(JSON.stringify(options.json));
  } else if (options.form !== undefined) {
    headers.push(['content-type', 'application/x-www-form-urlencoded']);
    body = bytes(new URLSearchParams(pairs(options.form)).toString());
  }
  const { basicAuth, timeout, maxRedirects, idempotencyHeader } = options;
  const whole = { method, url, headers, basicAuth, body, timeout, maxRedirects, idempotencyHeader };
  return new Response(call(() => contract.fetch(whole)));
}

/** A GET request. */
export function get(url: string, options?: Options): Response {
  return request('GET', url, options);
}

/** A POST request. */
export function post(url: string, options?: Options): Response {
  return request('POST', url, options);
}

function pairs(named: { [name: string]: string } | [string, string][] | undefined): [string, string][] {
  return Array.isArray(named) ? [...named] : Object.entries(named ?? {});
}
