/** The imports: what crosses, in the forms of the language. */

import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { base64, CallError, done, fromBase64, hex, type OutgoingMessage, step, Type } from '@jackfield/plugin';
import * as clock from '@jackfield/plugin/clock';
import * as conditions from '@jackfield/plugin/conditions';
import * as contacts from '@jackfield/plugin/contacts';
import * as conversations from '@jackfield/plugin/conversations';
import * as crypto from '@jackfield/plugin/crypto';
import * as email from '@jackfield/plugin/email';
import * as files from '@jackfield/plugin/files';
import * as http from '@jackfield/plugin/http';
import * as lists from '@jackfield/plugin/lists';
import * as log from '@jackfield/plugin/log';
import * as messages from '@jackfield/plugin/messages';
import * as random from '@jackfield/plugin/random';
import * as templates from '@jackfield/plugin/templates';
import * as variables from '@jackfield/plugin/variables';
import * as workflows from '@jackfield/plugin/workflows';
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
    assert.equal(hex(crypto.sign('rs256', 'key', 'hello world')), hex(signature));
    assert.throws(() => crypto.sign('es256', 'key', ''), { code: 'invalid' });
    assert.throws(() => crypto.sign('rs256', 'other', ''), { code: 'secret-missing' });
    assert.deepEqual(random.bytes(3), Uint8Array.of(0, 1, 2));
  });
});

test('base64 is read with either alphabet, with or without padding', () => {
  assert.deepEqual(fromBase64('_-8'), Uint8Array.of(255, 239));
  assert.equal(base64(Uint8Array.of(255, 239)), '/+8=');
  assert.equal(fromBase64('?'), undefined);
});

test('files are read by their names', async () => {
  await inside({ files: { 'hours.txt': '9 to 6' } }, () => {
    assert.deepEqual(files.read('hours.txt'), new TextEncoder().encode('9 to 6'));
    assert.throws(() => files.read('none.txt'), { code: 'not-found' });
  });
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

test('an opt-out is recorded once, and taken back', async () => {
  const host = await inside({ contact: { phone: '+33600000001' } }, () => {
    const out = { address: '+33600000001', scope: 'account', changed: true };
    assert.deepEqual(contacts.optOut(), out);
    assert.equal(contacts.optOut({ scope: 'sender', channel: 'chat' }).changed, false);
    assert.equal(contacts.optOut({ in: true }).changed, true);
  });
  assert.deepEqual(host.optOuts, [{}, { scope: 'sender', channel: 'chat' }, { in: true }]);
});

test('tags are changed in one, and the answer says what was new', async () => {
  const contact = { firstname: 'Ann', tags: ['lead', 'fr'] };
  const host = await inside({ contact }, () => {
    const changed = contacts.retag({ add: ['vip', 'fr', 'vip'], remove: ['lead', 'old'] });
    assert.deepEqual(changed, { added: ['vip'], removed: ['lead'] });
    contacts.addTags(['new']);
    assert.deepEqual(contacts.retag({ add: ['new'], silent: true }), { added: [], removed: [] });
    assert.deepEqual(contacts.get()?.['tags'], ['fr', 'vip', 'new']);
    assert.deepEqual(variables.get('contact.tags'), ['fr', 'vip', 'new']);
  });
  assert.deepEqual(host.retags[1], { add: ['new'], silent: true });
  assert.deepEqual(host.contact, { firstname: 'Ann', tags: ['fr', 'vip', 'new'] });
  assert.deepEqual([host.tags, contact.tags], [['new'], ['lead', 'fr']]);
});

test('a conversation is opened once and closed with its note', async () => {
  const opened = { id: 'conversation-1', state: 'open', source: 'workflow', opened_at: '2026-01-01T00:00:00Z' };
  const note = { category: 'solved', summary: 'Paid.' };
  const end = { state: 'closed', closed_at: '2026-01-01T00:00:00Z', closed_by: 'workflow' };
  const host = await inside({ contact: {} }, () => {
    assert.deepEqual([conversations.get(), conversations.close()], [undefined, undefined]);
    assert.deepEqual([conversations.open(), conversations.open()], [opened, opened]);
    assert.throws(() => conversations.close({ summary: 'é'.repeat(2_001) }), { code: 'invalid' });
    assert.deepEqual(conversations.close(note), { ...opened, ...note, ...end });
    assert.equal(conversations.close(), undefined);
    assert.equal(conversations.comment('@ann: see above'), 'comment-1');
    assert.throws(() => conversations.comment(' '), { code: 'invalid' });
    assert.throws(() => conversations.comment('é'.repeat(5_001)), { code: 'too-large' });
  });
  assert.deepEqual(host.conversation, { ...opened, ...note, ...end });
  assert.deepEqual(host.comments, ['@ann: see above']);
  await inside({ contact: {}, conversation: { id: 'k', state: 'snoozed' } }, () => {
    assert.deepEqual(conversations.open(), { id: 'k', state: 'open' });
    assert.equal(conversations.close()?.['state'], 'closed');
    assert.equal(conversations.open()['id'], 'conversation-1');
  });
});

test('an assignment is a user, nobody, or a place in the queue', async () => {
  const ann = 'ann@example.com';
  const host = await inside({ contact: {} }, () => {
    assert.deepEqual(conversations.assign({ user: ann }), { assignee: { id: ann, name: ann, email: ann } });
    assert.deepEqual(conversations.assign({ nobody: true }), { assignee: undefined });
    const sales = { team: 'sales', by: 'least-open', onlyOnline: true, fewerThan: 5 } as const;
    assert.deepEqual(conversations.assign(sales), { queued: 'place-1' });
    assert.deepEqual(conversations.assign({ workspace: true, notOnCall: true }), { queued: 'place-2' });
    assert.deepEqual([conversations.leaveQueue('place-1'), conversations.leaveQueue('place-1')], [true, false]);
    assert.deepEqual([conversations.leaveQueue('place-3'), conversations.leaveQueue('place-2')], [false, true]);
    assert.throws(() => conversations.assign({}), { code: 'invalid' });
    assert.throws(() => conversations.assign({ team: 'sales', nobody: true }), { code: 'invalid' });
  });
  assert.deepEqual(host.assigned, [
    { user: ann },
    { nobody: true },
    { team: 'sales', by: 'least-open', 'only-online': true, 'fewer-than': 5 },
    { workspace: true, 'not-on-call': true },
  ]);
});

test('lists say whether something changed, and which there are', async () => {
  const host = await inside({ contact: {}, onLists: ['news'] }, () => {
    assert.deepEqual([lists.add('vip'), lists.add('vip')], [true, false]);
    assert.deepEqual([lists.remove('news'), lists.remove('news')], [true, false]);
  });
  assert.deepEqual([...host.onLists], ['vip']);
  await inside({ contact: {}, lists: ['vip', 'news'] }, () => {
    assert.equal(lists.add('vip'), true);
    assert.throws(() => lists.add('fax'), { code: 'not-found', message: /vip, news/ });
    assert.throws(() => lists.remove('fax'), { code: 'not-found' });
  });
});

test('a workflow starts with what it is given, unless the test refuses it', async () => {
  const options = { from: 'welcome', variables: { plan: 'pro' }, data: { orderId: 7 } };
  const start = ({ workflow }: { workflow: string }) => {
    if (workflow === 'busy') throw new CallError('already-enrolled', 'the contact is in it');
  };
  const host = await inside({ contact: {}, start }, () => {
    assert.equal(workflows.start('plain'), 'run-1');
    assert.throws(() => workflows.start('busy'), { code: 'already-enrolled' });
    assert.equal(workflows.start('onboarding', options), 'run-2');
  });
  assert.deepEqual(host.started, [
    { workflow: 'plain', options: {} },
    { workflow: 'onboarding', options },
  ]);
});

test('what is about a contact is refused without one', async () => {
  await inside({}, () => {
    const calls = [
      () => contacts.addTags(['vip']),
      () => contacts.retag({ add: ['vip'] }),
      () => contacts.optOut(),
      () => conversations.open(),
      () => conversations.close(),
      () => conversations.comment('Hi'),
      () => conversations.assign({ nobody: true }),
      () => conversations.leaveQueue('place-1'),
      () => lists.add('vip'),
      () => lists.remove('vip'),
    ];
    for (const refused of calls) {
      assert.throws(refused, { name: 'CallError', code: 'not-found' });
    }
    assert.equal(conversations.get(), undefined);
  });
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
  const contract = (name: string) => readFileSync(new URL(`../../../wit/${name}.wit`, import.meta.url), 'utf8');
  const [, version] = /^package jackfield:plugin@(.*);$/m.exec(contract('types')) ?? [];
  for (const name of readdirSync(folder).filter((name) => name.endsWith('.ts') && name !== 'contract.d.ts')) {
    const text = readFileSync(new URL(name, folder), 'utf8');
    const interfaces = [...text.matchAll(/from 'jackfield:plugin\/(.*)'/g)].map(([, found]) => found);
    const own = `${name.slice(0, -'.ts'.length)}@${version}`;
    assert.ok(interfaces.every((found) => found === own), `${name} imports ${interfaces}`);
  }
  const declared = readFileSync(new URL('contract.d.ts', folder), 'utf8');
  for (const [, name] of contract('worlds').matchAll(/import ([a-z-]+);/g)) {
    assert.ok(declared.includes(`'jackfield:plugin/${name}@${version}'`), `contract.d.ts has no ${name}`);
  }
});
