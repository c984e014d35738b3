/**
 * A channel connector, and the bridge between it and the contract's records.
 *
 * It speaks one provider's API in both directions. Secrets never come in: write `{{secret:NAME}}`
 * where the value belongs. What leaves `check`, `connect` and `send` as an exception is turned into
 * the codes on which the host acts (`SendError`); a refused host call becomes one by itself.
 */

import type { Static, TSchema } from 'typebox';
import { bytes, text } from './bytes.ts';
import { connectorDescriptor, type ConnectorDescription } from './descriptor.ts';
import { SendError } from './failure.ts';
import type { InboundEvent, Message } from './message.ts';
import { fromWire, toWire } from './names.ts';
import { Declaration } from './settings.ts';
import { guarded, type MayWait } from './step.ts';

/** What a connector is: what it says of itself, and what it does. */
export interface ConnectorDefinition<S extends TSchema> extends ConnectorDescription<S> {
  /**
   * Are the settings and credentials good? Answers with details for people. Must not send anything
   * to a contact.
   */
  check(channel: Channel<Static<S>>): MayWait<{ [detail: string]: unknown }>;
  /** Registers the webhook, or says how to. Left out: nothing comes in. */
  connect?(channel: Channel<Static<S>>, publicUrl: string): MayWait<Connected>;
  /** Sends one message. `key` is the same for every try of it. */
  send(channel: Channel<Static<S>>, message: Message, key: string): MayWait<Receipt>;
  /** Reads a provider's request: checks the signature first, then answers with what it said. */
  receive?(channel: Channel<Static<S>>, request: WebhookRequest): MayWait<Received>;
}

/** A channel: a connector with its settings. */
export interface Channel<S> {
  /** The channel's id. */
  id: string;
  /** The channel's name. */
  name: string;
  /** The connector's name. */
  kind: string;
  /** Its settings. */
  settings: S;
}

/** What `connect` did. */
export interface Connected {
  /** Whether the webhook is registered now. */
  registered: boolean;
  /** For people: what was done, or what is left to do. */
  instructions: string;
}

/** What the provider said of a message that it took. */
export interface Receipt {
  /** The provider's id: delivery updates are matched with it. */
  providerId: string;
  /** How far the message is known to be; left out: `accepted`. */
  status?: 'accepted' | 'sent' | 'delivered';
  /** More for people and reports: segments, price, rejected recipients. */
  detail?: { [name: string]: unknown };
}

/** What to answer the provider, and what its request said. One of `text`, `json` and `body`. */
export interface Received {
  /** The HTTP status of the answer. */
  status: number;
  /** Beside `content-type`, which `text` and `json` bring. */
  headers?: [string, string][];
  /** Plain text. */
  text?: string;
  /** JSON. */
  json?: unknown;
  /** Anything else; its type belongs into the headers. */
  body?: Uint8Array;
  /** What the request said; at most 1,000. */
  events?: InboundEvent[];
}

/** The request could not be verified. */
export function refused(reason: string): Received {
  return { status: 403, json: { error: { message: reason } } };
}

/** The only recipient, for a channel that sends to one at a time. */
export function recipient(message: Message): string {
  const [one, ...others] = message.to;
  if (one === undefined || others.length > 0) {
    const number = message.to.length;
    throw SendError.unsupported(`a message on this channel goes to one recipient, not to ${number}`);
  }
  return one;
}

/** A request as it came from the provider. */
export class WebhookRequest {
  /** In upper case. */
  readonly method: string;
  /** The full public address with the query, as the provider was told it. */
  readonly url: string;
  /** In the order received, names in lower case. */
  readonly headers: [string, string][];
  /** The raw bytes. */
  readonly body: Uint8Array;

  constructor(request: ContractRequest) {
    this.method = request.method;
    this.url = request.url;
    this.headers = request.headers;
    this.body = request.body;
  }

  /** A header's first value; names in any case. */
  header(name: string): string | undefined {
    return this.headers.find(([key]) => key === name.toLowerCase())?.[1];
  }

  /** What stands behind `?`. */
  get query(): URLSearchParams {
    return new URLSearchParams(this.url.split('#')[0]?.split('?').slice(1).join('?') ?? '');
  }

  /** The values of a form-encoded body. */
  form(): URLSearchParams {
    return new URLSearchParams(this.text());
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
}

/** The contract's `request`, as the tool-chain gives it to JavaScript. */
export interface ContractRequest {
  method: string;
  url: string;
  headers: [string, string][];
  body: Uint8Array;
}

/** The contract's `receipt`. */
export interface ContractReceipt {
  providerId: string;
  status: string;
  detail: string | undefined;
}

/** The contract's `received`. */
export interface ContractReceived {
  status: number;
  headers: [string, string][];
  body: Uint8Array;
  events: string;
}

/** The contract's `connector`: what the component exports. */
export interface ConnectorExport {
  describe(): string;
  check(channel: string): Promise<string>;
  connect(channel: string, publicUrl: string): Promise<string>;
  send(channel: string, message: string, key: string): Promise<ContractReceipt>;
  receive(channel: string, request: ContractRequest): Promise<ContractReceived>;
}

const NOTHING_COMES_IN = 'Nothing comes in through this channel';

/** Makes a plugin of a connector: `export default connector({...})`. */
export function connector<S extends TSchema>(definition: ConnectorDefinition<S>): ConnectorExport {
  const settingsOf = new Declaration(definition.settings, true);
  const channelOf = (json: string): Channel<Static<S>> => {
    const { id = '', name = '', kind = '', settings } = JSON.parse(json);
    return { id, name, kind, settings: settingsOf.read(settings) };
  };
  return {
    describe: () => connectorDescriptor(definition, settingsOf.wire),
    check: (channel) =>
      guarded(async () => JSON.stringify(await definition.check(channelOf(channel))), SendError.of),
    connect: (channel, publicUrl) =>
      guarded(async () => {
        const instructions = `${NOTHING_COMES_IN}, so there is nothing to register.`;
        const connected = await definition.connect?.(channelOf(channel), publicUrl);
        return JSON.stringify(connected ?? { registered: false, instructions });
      }, SendError.of),
    send: (channel, json, key) =>
      guarded(async () => {
        const message = fromWire(JSON.parse(json)) as Message;
        const { providerId, status = 'accepted', detail } = await definition.send(channelOf(channel), message, key);
        return { providerId, status, detail: detail === undefined ? undefined : JSON.stringify(detail) };
      }, SendError.of),
    receive: (channel, request) =>
      guarded(async () => {
        const received = await definition.receive?.(channelOf(channel), new WebhookRequest(request));
        return answer(received ?? { status: 404, text: `${NOTHING_COMES_IN}.` });
      }),
  };
}

function answer({ status, headers = [], text, json, body, events = [] }: Received): ContractReceived {
  const written = { status, events: JSON.stringify(toWire(events)) };
  if (json !== undefined) {
    const type: [string, string] = ['content-type', 'application/json'];
    return { ...written, headers: [...headers, type], body: bytes(JSON.stringify(json)) };
  }
  if (text !== undefined) {
    const type: [string, string] = ['content-type', 'text/plain; charset=utf-8'];
    return { ...written, headers: [...headers, type], body: bytes(text) };
  }
  return { ...written, headers, body: body ?? new Uint8Array() };
}
