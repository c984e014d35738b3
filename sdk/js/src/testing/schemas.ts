/** The published schemas, and the check that something is valid under one. */

import { readFileSync } from 'node:fs';
import { validator } from '../settings.ts';
import type { JsonObject } from './host.ts';

function published(name: string): JsonObject {
  const file = new URL(`../../../../wit/schemas/${name}.schema.json`, import.meta.url);
  return JSON.parse(readFileSync(file, 'utf8'));
}

export const STEP_DESCRIPTOR = published('step-descriptor');
export const CONNECTOR_DESCRIPTOR = published('connector-descriptor');
export const OUTGOING_MESSAGE = published('outgoing-message');
export const MESSAGE = published('message');
export const INBOUND_EVENTS = published('inbound-events');

/** Ends the test when `value` is not valid under the schema. */
export function hold(what: string, schema: JsonObject, value: unknown): void {
  const reason = mistake(schema, value);
  if (reason !== undefined) {
    throw new Error(`${what} breaks its schema: ${reason}\n${JSON.stringify(value, null, 2)}`);
  }
}

/** The first mistake, with the place where it stands. */
export function mistake(schema: JsonObject, value: unknown): string | undefined {
  const { valid, errors } = validator(schema).validate(value);
  const last = errors.at(-1);
  return valid ? undefined : `${last?.instanceLocation}: ${last?.error}`;
}
