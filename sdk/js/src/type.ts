/**
 * What settings, outputs and states are declared with: parts of TypeBox, and a map of our own.
 *
 * A selection, because whatever a plugin carries is in the memory of every activation: TypeBox's
 * `Record` alone would be more than this whole SDK.
 */

import { type Static, type TObjectOptions, type TSchema, type TUnsafe, Unsafe } from 'typebox';

export {
  Any,
  Array,
  Boolean,
  Enum,
  Integer,
  Literal,
  Null,
  Number,
  Object,
  Optional,
  String,
  Tuple,
  Union,
  Unknown,
  Unsafe,
} from 'typebox';

/** An object whose names are up to whoever writes it, with values of one type. */
export function Dictionary<V extends TSchema>(
  values: V,
  options: TObjectOptions = {},
): TUnsafe<{ [name: string]: Static<V> }> {
  return Unsafe({ ...options, type: 'object', additionalProperties: values });
}
