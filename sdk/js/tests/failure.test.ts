/** Failures: what the host is told of whatever a plugin throws. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CallError, Failure, SendError, step, Type } from '@jackfield/plugin';
import * as http from '@jackfield/plugin/http';
import { Host } from '@jackfield/plugin/testing';

test('a denied call is blocked and names the grant', () => {
  const failure = Failure.of(new CallError('denied', 'no', { grant: 'https://a.example' }));
  assert.equal(failure.class, 'blocked');
  assert.match(failure.message, /https:\/\/a\.example/);
});

test('what may have been sent stays marked', () => {
  const timeout = new CallError('timeout', 'm', { transient: true, maybeSent: true });
  const { code, maybeSent } = SendError.of(timeout);
  assert.deepEqual([code, maybeSent], ['transient', true]);
  assert.equal(SendError.of(new CallError('connect', 'm', { transient: true })).maybeSent, false);
  assert.equal(SendError.of(new CallError('secret-missing', 'm')).code, 'auth');
});

/** A step that does this. */
function doing(act: () => never) {
  const about = { name: 'probe', version: '1.0.0', title: 'Probe', summary: 'Fails.' } as const;
  return step({ ...about, category: 'other', settings: Type.Object({}), start: act });
}

test('a failure that is thrown is the failure of the activation', async () => {
  const failing = doing(() => {
    throw Failure.transient('busy', 'later', { retryAfter: 1_500.2 });
  });
  const expected = { class: 'transient', code: 'busy', message: 'later', retryAfter: 1_501 };
  await assert.rejects(new Host().run(failing).start(), expected);
});

test('a mistake of the plugin is a failure with its text, not a trap', async () => {
  const failing = doing(() => {
    throw new TypeError('x is not a function');
  });
  const expected = { class: 'permanent', code: 'exception', message: /^TypeError: x is not a function \(at / };
  await assert.rejects(new Host().run(failing).start(), expected);
});

test('a refused call can be caught, and fails by itself when it is not', async () => {
  const calling = doing(() => {
    assert.throws(() => http.get('https://a.example'), CallError);
    throw http.get('https://b.example');
  });
  const host = new Host();
  await assert.rejects(host.run(calling).start(), { class: 'blocked', code: 'denied', message: /b\.example/ });
  assert.equal(host.requests.length, 2);
});
