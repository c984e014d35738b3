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

/** Not what a server would take: bytes that the data and the secret make, the same each time. */
export const sign: typeof contract.sign = (algorithm, name, data) =>
  algorithm === 'rs256'
    ? hmac('sha256', name, data)
    : refuse('invalid', `there is no algorithm \`${algorithm}\`; there is: rs256`);

function secret(name: string): string {
  return host().options.secrets?.[name] ?? refuse('secret-missing', `the secret \`${name}\` has no value`);
}

function same(one: Uint8Array, other: Uint8Array): boolean {
  return Buffer.compare(one, other) === 0;
}
