/// <reference path="../contract.d.ts" />
/** The state behind the imports, how a test sets it up and how it looks at it afterwards. */

import type * as email from 'jackfield:plugin/email@1.1.0';
import type * as http from 'jackfield:plugin/http@1.1.0';
import { bytes, text } from '../bytes.ts';
import type { ConnectorExport } from '../connector.ts';
import type { OptOut, Retag } from '../contacts.ts';
import { CallError } from '../failure.ts';
import type { OutgoingMessage } from '../message.ts';
import type { StepExport } from '../step.ts';
import type { Start } from '../workflows.ts';
import { Plugged } from './plugged.ts';
import { Run } from './run.ts';

/** A value that is an object. */
export type JsonObject = { [name: string]: any };

/** What a host begins with. Without options it has no contact, no channel and no network. */
export interface HostOptions {
  /** The time, in milliseconds since 1970; left out: 2026-01-01T00:00:00Z. */
  now?: number;
  /** The contact of the run. */
  contact?: JsonObject;
  /** The data of the event that started the run. */
  trigger?: JsonObject;
  /** The run's variables, by their names without `vars.`. */
  variables?: JsonObject;
  /** The outputs of earlier steps, by the steps' ids. */
  steps?: JsonObject;
  /** Channels as `messages.channel` answers them, names with hyphens. The first is the contact's last. */
  channels?: JsonObject[];
  /** The conversation that is there already, such as `{id: 'k', state: 'snoozed'}`. */
  conversation?: JsonObject;
  /** The lists that there are; without it every list that is named exists. */
  lists?: string[];
  /** The lists that the contact is on already. */
  onLists?: string[];
  /** Templates as `templates.render` answers them, by their names. */
  templates?: { [name: string]: { subject?: string; html: string; text: string } };
  /** The values of secrets, by their names. */
  secrets?: { [name: string]: string };
  /** The workspace's files, by their names. */
  files?: { [name: string]: string | Uint8Array };
  /** What `clock.nextOpen` answers; without it the hours are never open. */
  nextOpen?: number;
  /** What conditions come to; without it they do not hold. */
  condition?: (condition: any) => boolean;
  /** What a change of a contact's field comes to; without it the value itself. */
  update?: (change: Update) => unknown;
  /** Called before a workflow starts. Throw a `CallError` for one that does not. */
  start?: (started: Started) => void;
  /** What the outside answers to HTTP. Throw a `CallError` for a request that gets no answer. */
  http?: (request: SentRequest) => http.Response;
  /** What a mail server says of a mail. */
  mail?: (mail: email.Mail, server: email.Server) => email.Accepted;
  /** What a mail server says to a check. */
  mailCheck?: (server: email.Server) => string;
}

/** A change of a contact's field. */
export interface Update {
  field: string;
  operation: string;
  value: any;
}

/** A workflow that was started. */
export interface Started {
  workflow: string;
  options: Start;
}

/** An answer of the outside, for the function `http` of a host. An object becomes JSON. */
export function response(
  status: number,
  body: string | Uint8Array | JsonObject = '',
  headers: [string, string][] = [],
): http.Response {
  const raw = typeof body === 'string' || body instanceof Uint8Array ? body : JSON.stringify(body);
  return { status, headers, body: bytes(raw), url: '' };
}

/** A request that the plugin sent. */
export class SentRequest {
  /** In upper case. */
  readonly method: string;
  /** With placeholders for secrets. */
  readonly url: string;
  /** As the plugin gave them. */
  readonly headers: [string, string][];
  /** The raw bytes. */
  readonly body: Uint8Array;
  /** Everything else. */
  readonly contract: http.Request;

  constructor(contract: http.Request) {
    this.method = contract.method;
    this.url = contract.url;
    this.headers = contract.headers;
    this.body = contract.body ?? new Uint8Array();
    this.contract = contract;
  }

  /** A header's first value; names in any case. */
  header(name: string): string | undefined {
    return this.headers.find(([key]) => key.toLowerCase() === name.toLowerCase())?.[1];
  }

  /** The body as text. */
  text(): string {
    return text(this.body);
  }

  /** The body as JSON. */
  json(): any {
    return JSON.parse(this.text());
  }

  /** The values of a form-encoded body. */
  form(): { [name: string]: string } {
    return Object.fromEntries(new URLSearchParams(this.text()));
  }
}

/** The test host. What the plugin did stands in its fields. */
export class Host {
  /** The time now. */
  now: number;
  /** The contact as it stands. Its tags change with what the plugin does; its fields do not. */
  readonly contact: JsonObject | undefined;
  /** The conversation as it stands. Those that the plugin opens are `conversation-1`, ... */
  conversation: JsonObject | undefined;
  /** How many conversations the plugin has opened. */
  opened = 0;
  /** The run's variables as they stand. */
  readonly variables: JsonObject;
  /** The messages put into the outbox, oldest first; their ids are `message-1`, `message-2`, ... */
  readonly messages: OutgoingMessage[] = [];
  /** The HTTP requests. */
  readonly requests: SentRequest[] = [];
  /** The mails, each with the server that it was handed to. */
  readonly mails: { server: email.Server; mail: email.Mail }[] = [];
  /** The tags that `contacts.addTags` was given. */
  readonly tags: string[] = [];
  /** The changes of tags by `contacts.retag`. */
  readonly retags: Retag[] = [];
  /** What was asked of `contacts.optOut`. */
  readonly optOuts: OptOut[] = [];
  /** The contact wants nothing more. */
  optedOut = false;
  /** The changes of the contact. */
  readonly updates: Update[] = [];
  /** The comments; their ids are `comment-1`, `comment-2`, ... */
  readonly comments: string[] = [];
  /** What was asked of `conversations.assign`, names with hyphens. */
  readonly assigned: JsonObject[] = [];
  /** How many places in the queue were given out; their ids are `place-1`, `place-2`, ... */
  queued = 0;
  /** The places in the queue that were not given up. */
  readonly places = new Set<string>();
  /** The lists that the contact is on. */
  readonly onLists: Set<string>;
  /** The rows that were added to tables; their ids are `row-1`, `row-2`, ... */
  readonly rows: { table: string; row: { [column: string]: unknown } }[] = [];
  /** The workflows that were started; the runs' ids are `run-1`, `run-2`, ... */
  readonly started: Started[] = [];
  /** The lines of the log, such as `info: done`. */
  readonly logs: string[] = [];
  /** What it began with. */
  readonly options: HostOptions;

  constructor(options: HostOptions = {}) {
    this.options = options;
    this.now = options.now ?? Date.UTC(2026, 0, 1);
    this.contact = options.contact && { ...options.contact };
    this.conversation = options.conversation && { ...options.conversation };
    this.onLists = new Set(options.onLists);
    this.variables = { ...options.variables };
  }

  /** Lets time pass. */
  advance(milliseconds: number): void {
    this.now += milliseconds;
  }

  /** A run that stands at a step with these settings, named as in YAML. */
  run(step: StepExport, settings: JsonObject = {}): Run {
    return new Run(this, step, settings);
  }

  /** A channel of a connector with these settings, named as in YAML. */
  plug(connector: ConnectorExport, settings: JsonObject = {}): Plugged {
    return new Plugged(this, connector, settings);
  }

  /** Makes this the host of the calls of one activation. */
  async serve<T>(activation: () => Promise<T>): Promise<T> {
    if (current !== undefined) {
      throw new Error('one activation at a time: await the one before');
    }
    current = this;
    try {
      return await activation();
    } finally {
      current = undefined;
    }
  }
}

let current: Host | undefined;

/** The host of the activation that runs now. */
export function host(): Host {
  if (current === undefined) {
    throw new Error('no host: imports are called while a plugin runs, in `host.run(...)` or `host.plug(...)`');
  }
  return current;
}

/** Refuses a call as the tool-chain hands a refusal over. */
export function refuse(code: string, message: string): never {
  throw { payload: { code, message, transient: false, maybeSent: false } };
}

/** What needs a contact is refused without one. */
export function someContact(): JsonObject {
  return host().contact ?? refuse('not-found', 'the run has no contact');
}

/** Hands over what a test's function threw in place of an answer. */
export function answered<T>(act: () => T): T {
  try {
    return act();
  } catch (thrown) {
    if (!(thrown instanceof CallError)) {
      throw thrown;
    }
    const { code, message, grant, transient, maybeSent, detail } = thrown;
    throw { payload: { code, message, grant, transient, maybeSent, detail: JSON.stringify(detail) } };
  }
}
