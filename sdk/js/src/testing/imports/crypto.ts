/** The import `crypto`, by the test host: Node's own digests, and the secrets that the test gave. */

import { createHash, createHmac } from 'node:crypto';
import type * as contract from 'jackfield:plugin/crypto@1.1.0';
import { host, refuse } from '../host.ts';

export const hash: typeof contract.hash = (algorithm, data) =>
  new Uint8Array(createHash(algorithm).update(data).digest());

export const hmac: typeof contract.hmac = (algorithm, name, data) =>
  new Uint8Array(createHmac(algorithm, secret(name)).update(data).digest());

export const verify: typeof contract.verify = (algorithm, name, data, signature) =>
  same(hmac(algorithm, name, data), signature);

export const equal: typeof contract.equal = (name, candidate) =>
  same(new TextEncoder().encode(secret(name)), candidate);

function secret(name: string): string {
  return host().options.secrets?.[name] ?? refuse('secret-missing', `the secret \`${name}\` has no value`);
}

function same(one: Uint8Array, other: Uint8Array): boolean {
  return Buffer.compare(one, other) === 0;
}
