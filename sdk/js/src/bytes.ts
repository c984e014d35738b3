/**
 * Bytes and their usual dresses: UTF-8, base64, hexadecimal. What crosses the boundary as
 * `list<u8>` is a `Uint8Array`; what providers write is text.
 */

/** A text is its UTF-8; bytes are themselves. */
export function bytes(data: string | Uint8Array): Uint8Array {
  return typeof data === 'string' ? new TextEncoder().encode(data) : data;
}

/** UTF-8 as text, with replacement characters for what is none. */
export function text(data: Uint8Array): string {
  return new TextDecoder().decode(data);
}

/** Lower-case hexadecimal. */
export function hex(data: Uint8Array): string {
  return Array.from(data, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** Base64 with padding. */
export function base64(data: Uint8Array): string {
  return btoa(Array.from(data, (byte) => String.fromCharCode(byte)).join(''));
}

/** Base64 or base64url, with or without padding; `undefined` when it is neither. */
export function fromBase64(encoded: string): Uint8Array | undefined {
  try {
    const standard = encoded.replace(/-/g, '+').replace(/_/g, '/');
    return Uint8Array.from(atob(standard), (character) => character.charCodeAt(0));
  } catch {
    return undefined;
  }
}
