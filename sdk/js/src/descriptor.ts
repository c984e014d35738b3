/**
 * What a plugin says of itself, beside its settings: the parts of
 * `schemas/step-descriptor.schema.json` and `schemas/connector-descriptor.schema.json`.
 *
 * The JSON is made from what an author declares, with names in kebab-case; nothing is written twice.
 */

import type { TSchema } from 'typebox';
import type { DeliveryStatus } from './message.ts';
import { toWire } from './names.ts';
import type { JsonSchema } from './settings.ts';

/** What steps and connectors say alike. */
export interface Description<S extends TSchema> {
  /** Lower-case words with hyphens. */
  name: string;
  /** The plugin's version, such as `1.0.0`. */
  version: string;
  /** At most 80 characters. */
  title: string;
  /** What it does, in at most 400 characters. */
  summary: string;
  /** One emoji, or the name of an icon. */
  icon?: string;
  /** The settings; their descriptions are what people read. */
  settings: S;
  /** What one activation needs; left out: the host's defaults. */
  limits?: Limits;
  /**
   * What it must reach: `https://api.example.com`, `GET https://*.example.com:8443`,
   * `smtp://mail.example.com:587`, `*` (any web host). In a connector `{setting:NAME}` stands for a
   * channel setting, by its name in YAML.
   */
  hosts?: string[];
  /** The secrets that it uses by name; it never sees a value. */
  secrets?: Secret[];
}

/** What a plugin proposes for one activation; the operator decides. */
export interface Limits {
  /** Units of work. */
  fuel?: number;
  /** Bytes over all linear memories. */
  memory?: number;
  /** Elements over all tables. */
  tableElements?: number;
  /** Wall-clock milliseconds, host calls included. */
  deadlineMs?: number;
  /** Bytes from the host into the plugin. */
  bytesIn?: number;
  /** Bytes from the plugin to the host. */
  bytesOut?: number;
  /** Number of host calls. */
  hostCalls?: number;
  /** Lines of log. */
  logLines?: number;
  /** Bytes of log. */
  logBytes?: number;
  /** Bytes of output and state. */
  output?: number;
}

/** A secret that the plugin uses by name. */
export interface Secret {
  /** Lower-case words with hyphens. */
  name: string;
  /** For people. */
  title: string;
  /** Where to find it, for people. */
  summary?: string;
  /** The plugin works without it. */
  optional?: boolean;
  /** Where it may go; left out: every granted host. */
  hosts?: string[];
  /** Where the host may put its value. */
  places: ('header' | 'basic-auth' | 'query' | 'path' | 'body' | 'smtp-auth' | 'hmac' | 'sign')[];
}

/** Where a list of steps shows one. */
export type Category = 'messages' | 'contacts' | 'conversations' | 'logic' | 'integrations' | 'other';

/** A branch of a step beside `success` and `failure`. */
export interface Branch {
  /** Lower-case words with hyphens. */
  name: string;
  /** For people. */
  title?: string;
  /** Where a run goes in a workflow that does not name it: `next`, `end`, `fail`, or another branch. */
  otherwise?: string;
}

/** A code with which a step takes `failure`, beside those that every step can have. */
export interface FailureCode {
  /** Lower-case words with hyphens; `http-*` stands for all that begin so. */
  code: string;
  /** What has happened. */
  title: string;
}

/** What a step says of itself. */
export interface StepDescription<S extends TSchema, O extends TSchema> extends Description<S> {
  /** Where a list of steps shows it. */
  category: Category;
  /** The output, on every branch. */
  output?: O;
  /** Beside `success` and `failure`. */
  branches?: Branch[];
  /** Where in the settings the names of more branches stand, such as `/branches/*\/name`. */
  branchesFrom?: string;
  /** The codes with which it takes `failure`. */
  failures?: FailureCode[];
  /** The step can wait. */
  waits?: boolean;
  /** The step itself ends a loop through it after a number of times. */
  boundsLoops?: boolean;
}

/** What the length of a text is counted in, and how long it may be. */
export interface TextLimit {
  max: number;
  unit: 'characters' | 'bytes' | 'utf16';
}

/** What a connector says of itself. */
export interface ConnectorDescription<S extends TSchema> extends Description<S> {
  /** What `to` and `from` are. */
  address: 'phone' | 'email' | 'id';
  /** The channel setting, by its name in YAML, that says what addresses are instead. */
  addressFrom?: string;
  /** What it can send. */
  messageTypes: ('text' | 'attachment' | 'quick-reply' | 'location' | 'email' | 'template' | 'custom')[];
  /** The longest text. */
  textLimit?: TextLimit;
  /** What attachments it takes. */
  media?: { maxBytes?: number; maxCount?: number; types?: string[] };
  /** Seconds after the contact's last message in which free messages are allowed; left out: always. */
  window?: number;
  /** The provider has templates of its own. */
  templates?: boolean;
  /** The provider has buttons: how many, and how long a title may be. */
  quickReplies?: { max: number; titleMax: number };
  /** The provider honours the idempotency key of `send`. */
  idempotency?: boolean;
  /** The delivery updates that the provider sends after it took a message. */
  statuses?: DeliveryStatus[];
  /** Messages a second that the provider takes. */
  rate?: number;
  /** Messages come in through this connector. */
  inbound?: boolean;
  /** STOP, START and HELP in inbound messages opt out and in. */
  keywords?: boolean;
}

const COMMON = ['name', 'version', 'title', 'summary', 'icon', 'limits', 'hosts', 'secrets'];
const OF_STEP = [...COMMON, 'category', 'branches', 'branchesFrom', 'failures', 'waits', 'boundsLoops'];
const OF_CONNECTOR = [
  ...COMMON,
  ...['address', 'addressFrom', 'messageTypes', 'textLimit', 'media', 'window', 'templates'],
  ...['quickReplies', 'idempotency', 'statuses', 'rate', 'inbound', 'keywords'],
];

/** A step's descriptor as the contract has it. */
export function stepDescriptor(
  step: StepDescription<TSchema, TSchema>,
  settings: JsonSchema,
  output: JsonSchema,
): string {
  return document({ ...pick(step, OF_STEP), settings, output });
}

/** A connector's descriptor as the contract has it. */
export function connectorDescriptor(connector: ConnectorDescription<TSchema>, settings: JsonSchema): string {
  const needed = { hosts: [], secrets: [], idempotency: false, inbound: false };
  return document({ ...needed, ...pick(connector, OF_CONNECTOR), settings });
}

function document(descriptor: object): string {
  return JSON.stringify(toWire(descriptor));
}

/** What belongs into a descriptor, of an object that has functions as well. */
function pick(object: object, names: string[]): object {
  return Object.fromEntries(Object.entries(object).filter(([name]) => names.includes(name)));
}
