/** The imports: what crosses, in the forms of the language. */

import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { base64, done, fromBase64, hex, type OutgoingMessage, step, Type } from '@jackfield/plugin';
import * as clock from '@jackfield/plugin/clock';
import * as conditions from '@jackfield/plugin/conditions';
import * as contacts from '@jackfield/plugin/contacts';
import * as crypto from '@jackfield/plugin/crypto';
import * as email from '@jackfield/plugin/email';
import * as http from '@jackfield/plugin/http';
import * as log from '@jackfield/plugin/log';
import * as messages from '@jackfield/plugin/messages';
import * as random from '@jackfield/plugin/random';
import * as templates from '@jackfield/plugin/templates';
import * as variables from '@jackfield/plugin/variables';
import { Host, type HostOptions, response } from '@jackfield/plugin/testing';

/** Runs something as a step, which is the only place where a host can be called. */
async function inside(options: HostOptions, act: () => void): Promise<Host> {
  const host = new Host(options);
  const about = { name: 'probe', version: '1.0.0', title: 'Probe', summary: 'Calls.', category: 'other' } as const;
  const start = () => {
    act();
    return done();
  };
  await host.run(step({ ...about, settings: Type.Object({}), start })).start();
  return host;
}

test('times are numbers', async () => {
  await inside({ now: 5, nextOpen: 9 }, () => {
    assert.equal(clock.now(), 5);
    assert.equal(clock.parse('1970-01-02'), 86_400_000);
    assert.equal(clock.duration('1d12h'), 129_600_000);
    assert.equal(clock.nextOpen({ timeZone: 'Europe/Paris', monday: ['09:00-12:00'] }, 7.5), 9);
    assert.throws(() => clock.parse('soon'), { name: 'CallError', code: 'invalid' });
  });
});

test('a request carries what it was given, and its answer is read', async () => {
  const answer = () => response(429, { error: 'slow down' }, [['Retry-After', '120']]);
  const host = await inside({ http: answer }, () => {
    const got = http.post('https://a.example', { form: { a: 'b c' }, headers: { 'x-a': '1' }, timeout: 500 });
    assert.deepEqual([got.ok, got.json().error, got.retryAfter(0)], [false, 'slow down', 120_000]);
    const date: [string, string][] = [['retry-after', 'Wed, 21 Oct 2015 07:28:00 GMT']];
    const dated = new http.Response(response(503, '', date));
    assert.equal(dated.retryAfter(1_445_412_470_000), 10_000);
    assert.equal(dated.retryAfter(1_745_412_470_000), 0);
    assert.equal(new http.Response(response(200, 'x')).retryAfter(0), undefined);
  });
  const [request] = host.requests;
  assert.deepEqual(request?.form(), { a: 'b c' });
  assert.equal(request?.header('X-A'), '1');
  assert.equal(request?.contract.timeout, 500);
});

test('digests and signatures take texts, and secrets by name', async () => {
  await inside({ secrets: { key: 'sesame' } }, () => {
    assert.equal(hex(crypto.hash('md5', '')), 'd41d8cd98f00b204e9800998ecf8427e');
    const signature = crypto.hmac('sha256', 'key', 'hello world');
    assert.equal(hex(signature), 'f39034b29165ec6a5104d9aef27266484ab26c8caa7bca8bcb2dd02e8be61b17');
    assert.equal(crypto.verify('sha256', 'key', 'hello world', signature), true);
    assert.equal(crypto.verify('sha256', 'key', 'hello world', new Uint8Array()), false);
    assert.equal(crypto.equal('key', 'sesame'), true);
    assert.throws(() => crypto.equal('other', ''), { code: 'secret-missing' });
    assert.deepEqual(random.bytes(3), Uint8Array.of(0, 1, 2));
  });
});

test('base64 is read with either alphabet, with or without padding', () => {
  assert.deepEqual(fromBase64('_-8'), Uint8Array.of(255, 239));
  assert.equal(base64(Uint8Array.of(255, 239)), '/+8=');
  assert.equal(fromBase64('?'), undefined);
});

test('the run, its contact and its templates are values', async () => {
  const templates_ = { welcome: { html: '<p>Hi</p>', text: 'Hi' } };
  const options = { contact: { firstname: 'Ann' }, variables: { answer: [1] }, templates: templates_ };
  const host = await inside({ ...options, condition: ({ field }) => field === 'a' }, () => {
    assert.deepEqual(variables.get('vars.answer'), [1]);
    assert.equal(variables.get('contact.firstname'), 'Ann');
    assert.equal(variables.get('vars.none'), undefined);
    variables.set('answer', null);
    variables.set('next', { a: 1 });
    assert.equal(contacts.get()?.['firstname'], 'Ann');
    assert.equal(contacts.update('language', 'set', 'fr'), 'fr');
    contacts.addTags(['vip']);
    assert.equal(templates.render('welcome').text, 'Hi');
    assert.equal(conditions.evaluate({ field: 'a', is: 1 }), true);
    log.info('hello');
  });
  assert.deepEqual(host.variables, { next: { a: 1 } });
  assert.deepEqual(host.updates, [{ field: 'language', operation: 'set', value: 'fr' }]);
  assert.deepEqual([host.tags, host.logs], [['vip'], ['info: hello']]);
});

test('a message goes out under the published schema, and a mail with what it was given', async () => {
  const channels = [{ id: 'c', name: 'sms', kind: 'gateway', 'address-kind': 'phone', 'text-limit': { max: 9, unit: 'bytes' } }];
  const accepted = { messageId: 'm', response: '250 ok', rejected: [] };
  const host = await inside({ channels, mail: () => accepted }, () => {
    assert.deepEqual(messages.channel('last-interacted').textLimit, { max: 9, unit: 'bytes' });
    const attachments = [{ fileName: 'a.png', url: 'https://a.example/a.png' }];
    assert.equal(messages.send({ channel: 'sms', content: { type: 'attachment', attachments } }), 'message-1');
    const wrong = { channel: 'sms', content: { type: 'text', texts: 'x' } } as unknown as OutgoingMessage;
    assert.throws(() => messages.send(wrong), /an outgoing message breaks its schema/);
    const server = { host: 'mail.example', port: 587, tls: 'starttls' } as const;
    assert.deepEqual(email.send(server, { from: 'a@a.example', to: ['b@b.example'], subject: 's' }), accepted);
  });
  assert.equal(host.messages.length, 1);
  assert.deepEqual(host.mails[0]?.mail.cc, []);
});

test('a module imports one interface at most, and the index none', () => {
  const folder = new URL('../src/', import.meta.url);
  for (const name of readdirSync(folder).filter((name) => name.endsWith('.ts') && name !== 'contract.d.ts')) {
    const text = readFileSync(new URL(name, folder), 'utf8');
    const interfaces = [...text.matchAll(/from 'jackfield:plugin\/(.*)@1\.0\.0'/g)].map(([, found]) => found);
    const own = name.slice(0, -'.ts'.length);
    assert.ok(interfaces.every((found) => found === own), `${name} imports ${interfaces}`);
  }
  const everything = readFileSync(new URL('../../../wit/worlds.wit', import.meta.url), 'utf8');
  const declared = readFileSync(new URL('contract.d.ts', folder), 'utf8');
  for (const [, name] of everything.matchAll(/import ([a-z-]+);/g)) {
    assert.ok(declared.includes(`'jackfield:plugin/${name}@1.0.0'`), `contract.d.ts has no ${name}`);
  }
});
