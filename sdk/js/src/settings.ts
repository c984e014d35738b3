/**
 * Settings and outputs: declared once with TypeBox, and from that declaration the type that the
 * program sees, the JSON Schema that people and the host see, and the reading of the values.
 *
 * TypeBox (`typebox`) because one expression is both a TypeScript type and a plain JSON Schema.
 * `@cfworker/json-schema` holds values against it, because it interprets a schema instead of
 * generating code, and because the sandbox's engine, which knows no classes of Unicode, cannot read
 * the patterns of TypeBox's own validator. The schema in a descriptor differs from the declaration in
 * three ways: names are in kebab-case, a setting with a default may be left out, and an object takes
 * no names that it does not declare.
 *
 * What must hold: a mistake is a failure `invalid-config` that names the setting as the author of
 * the workflow wrote it; the values inside of maps and of `Type.Unknown()` are not touched.
 */

import { type OutputUnit, Validator } from '@cfworker/json-schema';
import type { Static, TSchema } from 'typebox';
import { Failure } from './failure.ts';
import { kebab } from './names.ts';

export type JsonSchema = { [keyword: string]: any };

/** The schemas below a schema, by the keyword that holds them. */
const LISTS = ['anyOf', 'prefixItems'];
const SINGLES = ['items', 'additionalProperties'];

/**
 * What a plugin declares, made ready once: in a component that is when it is built, not when it runs.
 */
export class Declaration<S extends TSchema> {
  /** The schema as a descriptor has it. */
  readonly wire: JsonSchema;
  readonly #schema: S;
  readonly #validator: Validator;

  /** `closed`: objects take no names that they do not declare. */
  constructor(schema: S, closed: boolean) {
    this.#schema = schema;
    this.wire = wire(schema, closed);
    this.#validator = validator(this.wire);
  }

  /** Settings from the host. */
  read(value: unknown): Static<S> {
    const { valid, errors } = this.#validator.validate(value);
    if (!valid) {
      throw mistake(this.wire, value, errors);
    }
    return convert(this.#schema, value, true) as Static<S>;
  }

  /** An output for the host. */
  write(value: unknown): unknown {
    return convert(this.#schema, value, false);
  }
}

/** What holds values against a schema (2020-12). */
export function validator(schema: JsonSchema): Validator {
  // All mistakes and not the first alone, which would only say that there is one further in.
  return new Validator(schema, '2020-12', false);
}

function wire(schema: JsonSchema, closed: boolean): JsonSchema {
  if ('$ref' in schema) {
    throw new Error('the schema of settings and outputs stands in one place: leave out references');
  }
  const result: JsonSchema = {};
  for (const [keyword, value] of Object.entries(schema)) {
    if (keyword === 'properties') {
      const properties = Object.entries<JsonSchema>(value);
      result[keyword] = Object.fromEntries(properties.map(([name, of]) => [kebab(name), wire(of, closed)]));
    } else if (keyword === 'required') {
      const needed = (value as string[]).filter((name) => !('default' in (schema['properties']?.[name] ?? {})));
      result[keyword] = needed.map(kebab);
    } else if (LISTS.includes(keyword)) {
      result[keyword] = (value as JsonSchema[]).map((of) => wire(of, closed));
    } else if (SINGLES.includes(keyword) && typeof value === 'object') {
      result[keyword] = wire(value, closed);
    } else if (keyword === 'default') {
      result[keyword] = convert(schema, value, false);
    } else {
      result[keyword] = value;
    }
  }
  if (closed && 'properties' in schema && !('additionalProperties' in schema)) {
    result['additionalProperties'] = false;
  }
  return result;
}

/** Turns names and, when reading, puts in defaults. `value` is valid under the schema. */
function convert(schema: JsonSchema, value: unknown, reading: boolean): unknown {
  const variants: JsonSchema[] | undefined = schema['anyOf'];
  // Beside properties it is a condition on them, such as "one of these two must be there".
  if (variants !== undefined && !('properties' in schema)) {
    const fitting = variants.find((variant) => validator(reading ? wire(variant, true) : variant).validate(value).valid);
    return fitting === undefined ? value : convert(fitting, value, reading);
  }
  if (Array.isArray(value)) {
    const places: JsonSchema[] = schema['prefixItems'] ?? [];
    return value.map((item, index) => convert(places[index] ?? schema['items'] ?? {}, item, reading));
  }
  if (typeof value !== 'object' || value === null) {
    return value;
  }
  const properties: { [name: string]: JsonSchema } = schema['properties'] ?? {};
  const result: { [name: string]: unknown } = {};
  const rest = new Map(Object.entries(value));
  for (const [name, property] of Object.entries(properties)) {
    const [from, to] = reading ? [kebab(name), name] : [name, kebab(name)];
    const found = rest.get(from);
    rest.delete(from);
    if (found !== undefined) {
      result[to] = convert(property, found, reading);
    } else if (reading && 'default' in property) {
      result[to] = structuredClone(property['default']);
    }
  }
  // Names that are an author's own: the keys of a map.
  const values = schema['additionalProperties'];
  for (const [name, inner] of rest) {
    result[name] = typeof values === 'object' ? convert(values, inner, reading) : inner;
  }
  return result;
}

/** Errors that only say that another error stands below them. */
const CONTAINERS = ['properties', 'additionalProperties', 'items', 'prefixItems'];

/** The first mistake, in words for whoever wrote the settings. */
function mistake(schema: JsonSchema, value: unknown, errors: OutputUnit[]): Failure {
  const error = errors.find(({ keyword }) => !CONTAINERS.includes(keyword));
  if (error === undefined) {
    return Failure.invalidConfig('(all)', 'is not valid');
  }
  const place = words(error.instanceLocation);
  const invalid = (message: string, name?: string) =>
    Failure.invalidConfig(path(name === undefined ? place : [...place, name]), message);
  if (error.keyword === 'false') {
    return invalid('is not a setting');
  }
  const expected = at(schema, words(error.keywordLocation));
  switch (error.keyword) {
    case 'required': {
      const found = at(value, place);
      return invalid('is missing', (expected as string[]).find((name) => !(name in found)));
    }
    case 'type':
      return invalid(`must be of the type ${[expected].flat().join(' or ')}`);
    case 'enum':
      return invalid(oneOf(expected));
    case 'anyOf': {
      const constants = (expected as JsonSchema[]).map((variant) => variant['const']);
      // Where a value fits none of several forms, that is what is wrong, not what each says of it.
      return invalid(constants.includes(undefined) ? 'is of no form that fits' : oneOf(constants));
    }
    default:
      return invalid(error.error);
  }
}

function oneOf(values: unknown[]): string {
  return `must be one of ${values.map((value) => `\`${value}\``).join(', ')}`;
}

/** The words of a JSON pointer in a URI fragment: those of `#/headers/0` are `headers` and `0`. */
function words(pointer: string): string[] {
  const escaped = pointer.split('/').slice(1);
  return escaped.map((word) => decodeURIComponent(word).replace(/~1/g, '/').replace(/~0/g, '~'));
}

function at(root: any, place: string[]): any {
  return place.reduce((inner, word) => inner?.[word], root);
}

/** `headers[0].name`. */
function path(place: string[]): string {
  const parts = place.map((word) => (/^\d+$/.test(word) ? `[${word}]` : `.${word}`));
  return parts.join('').replace(/^\./, '') || '(all)';
}
