/** Steps and connectors at their edges: what the README's examples do not show. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connector, end, goto, step, Type, wait } from '@jackfield/plugin';
import { Host } from '@jackfield/plugin/testing';

const about = { name: 'probe', version: '1.0.0', title: 'Probe', summary: 'Is looked at.' } as const;

test('a descriptor has all that its schema has', () => {
  const limits = {
    ...{ fuel: 1, memory: 1, tableElements: 1, deadlineMs: 1, bytesIn: 1, bytesOut: 1 },
    ...{ hostCalls: 1, logLines: 1, logBytes: 1, output: 1 },
  };
  const secrets = [
    { name: 's', title: 'S', summary: 'x', optional: true, hosts: ['*'], places: ['smtp-auth' as const] },
  ];
  const common = { ...about, icon: 'x', limits, secrets, hosts: ['*'], settings: Type.Object({}) };
  const { descriptor } = new Host().run(
    step({
      ...common,
      category: 'logic',
      output: Type.Object({}),
      branches: [{ name: 'a', title: 'A', otherwise: 'end' }],
      branchesFrom: '/branches/*/name',
      failures: [{ code: 'http-*', title: 'A' }],
      waits: true,
      boundsLoops: true,
      start: () => goto('x'),
    }),
  );
  assert.equal(descriptor['bounds-loops'], true);
  assert.equal(descriptor['limits']['table-elements'], 1);
  assert.deepEqual(descriptor['failures'], [{ code: 'http-*', title: 'A' }]);
  assert.equal('start' in descriptor, false);
  const plugged = new Host().plug(
    connector({
      ...common,
      address: 'id',
      addressFrom: 'kind',
      messageTypes: ['text', 'quick-reply'],
      textLimit: { max: 1, unit: 'utf16' },
      media: { maxBytes: 1, maxCount: 1, types: ['image/*'] },
      window: 1,
      templates: true,
      quickReplies: { max: 1, titleMax: 1 },
      idempotency: true,
      statuses: ['read'],
      rate: 0.5,
      inbound: true,
      keywords: true,
      check: () => ({}),
      send: () => ({ providerId: '' }),
    }),
  );
  assert.deepEqual(plugged.descriptor['quick-replies'], { max: 1, 'title-max': 1 });
});

test('a step may be asynchronous, go elsewhere, and end the run', async () => {
  const settings = Type.Object({ to: Type.Optional(Type.String()) });
  const start = async (_run: unknown, { to }: { to?: string }) => (to === undefined ? end('enough') : goto(to));
  const plugin = step({ ...about, category: 'logic', settings, start });
  assert.deepEqual(await new Host().run(plugin).start(), end('enough'));
  assert.deepEqual(await new Host().run(plugin, { to: 'x' }).start(), goto('x'));
});

test('a state of another version of the step is refused, and a step that waits must say so', async () => {
  const waiting = (waits: boolean) =>
    step({
      ...about,
      category: 'logic',
      waits,
      settings: Type.Object({}),
      state: Type.Object({ round: Type.Integer() }),
      start: () => wait({ round: 'one' as unknown as number }),
      resume: () => end('never'),
    });
  const run = new Host().run(waiting(true));
  await run.start();
  await assert.rejects(run.timer(), { code: 'contract' });
  await assert.rejects(new Host().run(waiting(false)).start(), /must say so/);
});

test('an output that breaks its schema ends the test', async () => {
  const output = Type.Object({ count: Type.Integer() });
  const start = () => ({ tag: 'done' as const, output: { count: 'one' as unknown as number } });
  const plugin = step({ ...about, category: 'logic', settings: Type.Object({}), output, start });
  await assert.rejects(new Host().run(plugin).start(), /the output breaks its schema/);
});

test('a connector that only sends says so to providers and operators', async () => {
  const settings = Type.Object({});
  const plugin = connector({
    ...about,
    settings,
    address: 'phone',
    messageTypes: ['text'],
    check: () => ({}),
    send: () => ({ providerId: 'p' }),
  });
  const channel = new Host().plug(plugin);
  assert.equal((await channel.connect('https://us.example')).registered, false);
  assert.equal((await channel.receive({ method: 'POST', url: 'https://us.example' })).status, 404);
});
