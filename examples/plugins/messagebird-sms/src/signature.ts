/**
 * Whether a request is MessageBird's: the header `MessageBird-Signature-JWT`.
 *
 * It is a JSON Web Token (RFC 7519) under HMAC with the account's signing key. It names the time in
 * which it is good, and the SHA-256 of the address and of the body, so that it fits one request. The
 * SDK's crypto is used instead of a library for tokens, because no library could have the key: it
 * never comes into the sandbox.
 */

import { bytes, fromBase64, hex, text, type WebhookRequest } from '@jackfield/plugin';
import * as clock from '@jackfield/plugin/clock';
import * as crypto from '@jackfield/plugin/crypto';

/** `none` and asymmetric algorithms are not among them: whoever sends a token does not choose freely. */
const ALGORITHMS: { [name: string]: crypto.Algorithm } = { HS256: 'sha256', HS384: 'sha384', HS512: 'sha512' };

/** Seconds by which the two clocks may differ. */
const LEEWAY = 1;

/** Why a request is not to be trusted; `undefined` when it is MessageBird's. */
export function distrust(request: WebhookRequest): string | undefined {
  const token = request.header('messagebird-signature-jwt');
  if (token === undefined) return 'there is no MessageBird-Signature-JWT';
  const [head = '', payload = '', signature = '', ...rest] = token.split('.');
  const algorithm = ALGORITHMS[object(head)?.['alg']];
  const claims = object(payload);
  const mac = fromBase64(signature);
  if (algorithm === undefined || claims === undefined || mac === undefined || rest.length > 0) {
    return 'the token cannot be read, or is under another algorithm than HS256, HS384 and HS512';
  }
  if (!crypto.verify(algorithm, 'signing-key', `${head}.${payload}`, mac)) {
    return 'the token is signed with another key';
  }
  const now = clock.now() / 1_000;
  if (claims['iss'] !== 'MessageBird') return "the token is another issuer's";
  if (!(claims['nbf'] <= now + LEEWAY)) return 'the token is not good yet';
  if (!(claims['exp'] > now - LEEWAY)) return 'the token has expired';
  if (claims['url_hash'] !== digest(bytes(request.url))) return 'the token is for another address';
  const body = request.body.length === 0 ? undefined : digest(request.body);
  return claims['payload_hash'] === body ? undefined : 'the token is for another body';
}

function digest(data: Uint8Array): string {
  return hex(crypto.hash('sha256', data));
}

/** A part of a token: an object as JSON in base64url. */
function object(part: string): { [claim: string]: any } | undefined {
  try {
    const value: unknown = JSON.parse(text(fromBase64(part) ?? new Uint8Array()));
    return typeof value === 'object' && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}
