/** Digests and signatures. Secrets are named, never seen. A text stands for its UTF-8. */

import * as contract from 'jackfield:plugin/crypto@1.1.0';
import { bytes } from './bytes.ts';
import { call } from './call.ts';

/** A digest's name. */
export type Algorithm = contract.Algorithm;
type Data = string | Uint8Array;

/** The digest of data. */
export function hash(algorithm: Algorithm, data: Data): Uint8Array {
  return contract.hash(algorithm, bytes(data));
}

/** The HMAC of data under a secret. Errors: `denied`, `secret-missing`. */
export function hmac(algorithm: Algorithm, secret: string, data: Data): Uint8Array {
  return call(() => contract.hmac(algorithm, secret, bytes(data)));
}

/** Whether `signature` is that HMAC, in constant time. Errors as of `hmac`. */
export function verify(algorithm: Algorithm, secret: string, data: Data, signature: Uint8Array): boolean {
  return call(() => contract.verify(algorithm, secret, bytes(data), signature));
}

/**
 * The signature of data under a private key, such as `rs256`: the secret is the key in PEM, or the JSON
 * key of a Google service account. Errors: `denied` (it needs the place `sign`), `secret-missing`,
 * `invalid` (no such algorithm, no such key).
 */
export function sign(algorithm: string, secret: string, data: Data): Uint8Array {
  return call(() => contract.sign(algorithm, secret, bytes(data)));
}

/** Whether `candidate` is the secret itself, in constant time. Errors as of `hmac`. */
export function equal(secret: string, candidate: Data): boolean {
  return call(() => contract.equal(secret, bytes(candidate)));
}
