/** A channel of a connector: calls it as the host does. */

import { bytes } from '../bytes.ts';
import type { Connected, ConnectorExport, Receipt } from '../connector.ts';
import type { InboundEvent, Message } from '../message.ts';
import { fromWire, toWire } from '../names.ts';
import type { Host, JsonObject } from './host.ts';
import { activate } from './run.ts';
import { CONNECTOR_DESCRIPTOR, hold, INBOUND_EVENTS, MESSAGE } from './schemas.ts';

/** A provider's request; what is left out is empty. */
export interface TestRequest {
  method: string;
  url: string;
  headers?: { [name: string]: string };
  body?: string | Uint8Array;
}

/** The answer to a provider's request, and what the request said. */
export interface TestAnswer {
  status: number;
  headers: { [name: string]: string };
  body: Uint8Array;
  events: InboundEvent[];
}

export class Plugged {
  /** What the connector says of itself. */
  readonly descriptor: JsonObject;
  readonly #host: Host;
  readonly #connector: ConnectorExport;
  readonly #channel: string;

  constructor(host: Host, connector: ConnectorExport, settings: JsonObject) {
    this.descriptor = JSON.parse(connector.describe());
    hold('the descriptor', CONNECTOR_DESCRIPTOR, this.descriptor);
    this.#host = host;
    this.#connector = connector;
    this.#channel = JSON.stringify({ id: 'channel-1', name: 'test', kind: this.descriptor['name'], settings });
  }

  /** Tests the connection. */
  async check(): Promise<JsonObject> {
    return JSON.parse(await activate(this.#host, () => this.#connector.check(this.#channel)));
  }

  /** Registers the webhook. */
  async connect(publicUrl: string): Promise<Connected> {
    return JSON.parse(await activate(this.#host, () => this.#connector.connect(this.#channel, publicUrl)));
  }

  /** Sends a message, valid under the published schema. */
  async send(message: Message, key = 'key-1'): Promise<Receipt> {
    const document = toWire(message);
    hold('the message', MESSAGE, document);
    const send = () => this.#connector.send(this.#channel, JSON.stringify(document), key);
    const { providerId, status, detail } = await activate(this.#host, send);
    const receipt = { providerId, status } as Receipt;
    return detail === undefined ? receipt : { ...receipt, detail: JSON.parse(detail) };
  }

  /** A provider's request comes in. */
  async receive({ method, url, headers = {}, body = '' }: TestRequest): Promise<TestAnswer> {
    const pairs = Object.entries(headers).map(([name, value]): [string, string] => [name.toLowerCase(), value]);
    const request = { method, url, headers: pairs, body: bytes(body) };
    const received = await activate(this.#host, () => this.#connector.receive(this.#channel, request));
    const events: unknown = JSON.parse(received.events);
    hold('the events', INBOUND_EVENTS, events);
    const { status, body: answer } = received;
    const answered = { status, headers: Object.fromEntries(received.headers), body: answer };
    return { ...answered, events: fromWire(events) as InboundEvent[] };
  }
}
