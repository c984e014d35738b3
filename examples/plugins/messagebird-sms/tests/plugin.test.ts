/** The connector `messagebird-sms` against the test host: `npm test`. */

import assert from 'node:assert/strict';
import { createHash, createHmac } from 'node:crypto';
import { test } from 'node:test';
import { Host, type HostOptions, response } from '@jackfield/plugin/testing';
import plugin from '../src/plugin.ts';

const settings = { originator: 'ACME' };
const secrets = { 'signing-key': 'sesame' };
const message = {
  id: 'msg-1',
  to: ['+31612345678'],
  content: { type: 'text' as const, text: 'Hi' },
  statusUrl: 'https://us.example/hooks/1',
};
const sending = (answer: HostOptions['http']) => new Host({ http: answer! }).plug(plugin, settings).send(message);

test('a text is sent with its own id, and the answer is its id there', async () => {
  const items = [{ recipient: 31612345678, status: 'sent', messagePartCount: 1 }];
  const host = new Host({ http: () => response(201, { id: 'e8077d80', recipients: { totalCount: 1, items } }) });
  const receipt = await host.plug(plugin, settings).send(message);
  assert.deepEqual(receipt, { providerId: 'e8077d80', status: 'sent', detail: { parts: 1 } });
  const [request] = host.requests;
  assert.equal(request?.url, 'https://rest.messagebird.com/messages');
  assert.equal(request?.header('authorization'), 'AccessKey {{secret:access-key}}');
  assert.deepEqual(request?.json(), {
    originator: 'ACME',
    recipients: ['31612345678'],
    body: 'Hi',
    datacoding: 'auto',
    reference: 'msg-1',
    reportUrl: 'https://us.example/hooks/1',
  });
});

test('every error is of the kind on which the host acts', async () => {
  const error = (code: number, parameter: string | null = null) => ({ errors: [{ code, description: 'no', parameter }] });
  const answers: [number, object, string][] = [
    [401, error(2, 'access_key'), 'auth'],
    [422, error(10, 'recipients'), 'recipient-invalid'],
    [422, error(9, 'body'), 'content-rejected'],
    [422, error(10, 'originator'), 'policy'],
    [422, error(25), 'quota'],
    [422, error(99), 'transient'],
    [500, error(2), 'transient'],
    [404, error(20), 'unknown'],
    [400, {}, 'unknown'],
  ];
  for (const [status, body, code] of answers) {
    await assert.rejects(sending(() => response(status, body)), { code }, `${status} ${JSON.stringify(body)}`);
  }
  const slow = sending(() => response(429, '', [['retry-after', '7']]));
  await assert.rejects(slow, { code: 'rate-limited', retryAfter: 7_000 });
  await assert.rejects(sending(() => response(504, '')), { code: 'transient', maybeSent: true });
});

test('the check tells the balance and sends nothing', async () => {
  const host = new Host({ http: () => response(200, { payment: 'prepaid', type: 'euros', amount: 12.5 }) });
  const detail = await host.plug(plugin, settings).check();
  assert.deepEqual(detail, { payment: 'prepaid', balance: 12.5, unit: 'euros' });
  assert.equal(host.requests[0]?.url, 'https://rest.messagebird.com/balance');
});

/** A request as MessageBird signs it; `claims` overwrites what it would say, `alg` how. */
function signed(method: string, url: string, body = '', claims = {}, alg = 'HS256') {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const hash = (data: string) => createHash('sha256').update(data).digest('hex');
  const now = Date.UTC(2026, 0, 1) / 1_000;
  const payload_hash = body === '' ? undefined : hash(body);
  const said = { iss: 'MessageBird', nbf: now, exp: now + 60, url_hash: hash(url), payload_hash, ...claims };
  const text = `${part({ alg, typ: 'JWT' })}.${part(said)}`;
  const mac = createHmac(`sha${alg.slice(2)}`, 'sesame').update(text).digest('base64url');
  return { method, url, body, headers: { 'MessageBird-Signature-JWT': `${text}.${mac}` } };
}

const hook = 'https://us.example/hooks/1';
const receive = (request: ReturnType<typeof signed>) => new Host({ secrets }).plug(plugin, settings).receive(request);

test('an update finds its message by our own id', async () => {
  const query = 'id=e8077d80&reference=msg-1&recipient=31612345678&statusDatetime=2026-01-01T00:00:05%2B00:00';
  const answer = await receive(signed('GET', `${hook}?${query}&status=delivered`));
  assert.deepEqual([answer.status, Buffer.from(answer.body).toString()], [200, 'OK']);
  const at = Date.UTC(2026, 0, 1, 0, 0, 5);
  const found = { type: 'status', providerId: 'e8077d80', messageId: 'msg-1' };
  assert.deepEqual(answer.events, [{ ...found, status: 'delivered', at }]);

  const failed = `${hook}?${query}&status=delivery_failed&statusReason=opted+out&statusErrorCode=103`;
  const error = { code: 'recipient-opted-out', providerCode: '103', message: 'opted out' };
  assert.deepEqual((await receive(signed('GET', failed))).events, [{ ...found, status: 'failed', at, error }]);
  assert.deepEqual((await receive(signed('GET', `${hook}?${query}&status=scheduled`))).events, []);
});

test('a message comes in, whatever the case of its names, and from a short code as well', async () => {
  const body = 'ID=in-1&recipient=31687654321&Originator=31612345678&body=Hello+%E2%82%AC&CreatedDatetime=2026-01-01T00%3A00%3A00Z';
  const [event] = (await receive(signed('POST', hook, body))).events;
  assert.ok(event?.type === 'message');
  const { raw: _, ...said } = event;
  assert.deepEqual(said, {
    type: 'message',
    providerId: 'in-1',
    from: '+31612345678',
    to: '+31687654321',
    at: Date.UTC(2026, 0, 1),
    content: { type: 'text', text: 'Hello €' },
  });
  const short = 'mid=in-2&shortcode=1008&originator=31612345678&message=STOP&receive_datetime=20260101000000';
  const [stop] = (await receive(signed('POST', hook, short))).events;
  assert.ok(stop?.type === 'message');
  assert.deepEqual([stop.providerId, stop.to, stop.at], ['in-2', '1008', Date.UTC(2026, 0, 1)]);
});

test('a request that is not provably MessageBird\'s yields no event', async () => {
  const now = Date.UTC(2026, 0, 1) / 1_000;
  const good = signed('POST', hook, 'id=1&originator=31612345678');
  assert.equal((await receive(good)).status, 200);
  for (const alg of ['HS384', 'HS512']) {
    assert.equal((await receive(signed('GET', `${hook}?status=sent&id=1`, '', {}, alg))).status, 200);
  }
  const none = Buffer.from('{"alg":"none"}').toString('base64url');
  const [, payload] = good.headers['MessageBird-Signature-JWT'].split('.');
  const token = (value: string) => ({ ...good, headers: { 'MessageBird-Signature-JWT': value } });
  const bad = {
    'another body': { ...good, body: 'id=2&originator=31612345678' },
    'no body': { ...good, body: '' },
    'a body that was added': { ...signed('POST', hook), body: 'id=1' },
    'another address': { ...good, url: `${hook}?a=1` },
    'another issuer': signed('POST', hook, 'id=1', { iss: 'Me' }),
    'too early': signed('POST', hook, 'id=1', { nbf: now + 2 }),
    'too late': signed('POST', hook, 'id=1', { exp: now - 1 }),
    'no time': signed('POST', hook, 'id=1', { exp: undefined }),
    'no algorithm': token(`${none}.${payload}.`),
    'no token': token('x'),
    'no header': { ...good, headers: {} as typeof good.headers },
  };
  for (const [what, request] of Object.entries(bad)) {
    const answer = await receive(request);
    assert.deepEqual([answer.status, answer.events], [403, []], what);
  }
});

test("MessageBird's own reference token is good for its request alone", async () => {
  // From messagebird/python-rest-api, tests/test_request_validator/webhook_signature_test_data.json.
  const token =
    'eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJpc3MiOiJNZXNzYWdlQmlyZCIsIm5iZiI6MTYyNTQ3OTIwMCwiZXhwIjoxNjI1NDc5MjYwLCJqdGkiOiI5M2U1NTAwNi1hMGU4LTQ1MjYtYTE5MC1mYTVmZjAwZWExMTYiLCJ1cmxfaGFzaCI6IjQxZjA1ZjBkZGQwYTIyYWIyMDlhYzQ2ZjQ3YzQ1NzJkOWNlZmEyNTdlZDc0YjI0MDA0YmFlNzUzZWNlNmMyNjAiLCJwYXlsb2FkX2hhc2giOiJkZmZkNjAyMWJiMmJkNWIwYWY2NzYyOTA4MDllYzNhNTMxOTFkZDgxYzdmNzBhNGIyODY4OGEzNjIxODI5ODZmIn0._H--TOuYFLpeEH39-rg5E3IHVkjHozBcaKVWPRC5m9I';
  const host = new Host({
    now: Date.parse('2021-07-05T12:00:00+02:00'),
    secrets: { 'signing-key': '36efdd1aace2e26cd490f0d951138253bef2f7c6d34d18981da781555cc4cebb' },
  });
  const channel = host.plug(plugin, settings);
  const headers = { 'messagebird-signature-jwt': token };
  const request = { method: 'POST', url: 'https://example.com/path?bar=1&foo=2', headers, body: 'Hello, World!' };
  assert.equal((await channel.receive(request)).status, 200);
  assert.equal((await channel.receive({ ...request, body: 'Hello, World' })).status, 403);
  host.advance(62_000);
  assert.equal((await channel.receive(request)).status, 403);
});
