/**
 * Two spellings of one name: `baseUrl` in a program, `base-url` in YAML and JSON.
 *
 * The contract's documents (descriptors, messages, events) and the settings that authors of
 * workflows write have words with hyphens. A program has no use for `settings['base-url']`, so this
 * SDK turns names at the boundary, both ways.
 *
 * What must hold: only names of the contract and of a plugin's own schemas are turned, never names
 * inside of values that belong to somebody else (a custom payload, an event's data, a contact).
 */

/** `baseUrl` is `base-url`. */
export function kebab(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

/** `base-url` is `baseUrl`. */
export function camel(name: string): string {
  return name.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

/** Names whose values are somebody else's, in every document of the contract that has them. */
const FOREIGN = new Set(['settings', 'output', 'payload', 'variables', 'data', 'raw', 'detail']);

/** A document of the contract as JSON has it. What is `undefined` is left out. */
export function toWire(value: unknown): unknown {
  return turned(value, kebab);
}

/** A document of the contract as a program reads it. */
export function fromWire(value: unknown): unknown {
  return turned(value, camel);
}

function turned(value: unknown, name: (name: string) => string): unknown {
  if (Array.isArray(value)) {
    return value.map((item) => turned(item, name));
  }
  if (typeof value !== 'object' || value === null) {
    return value;
  }
  const entries = Object.entries(value).filter(([, inner]) => inner !== undefined);
  return Object.fromEntries(
    entries.map(([key, inner]) => [name(key), FOREIGN.has(key) ? inner : turned(inner, name)]),
  );
}
