/** Settings and outputs: the schema, the reading, and what is said of mistakes. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { done, type Outcome, step, Type } from '@jackfield/plugin';
import { Host } from '@jackfield/plugin/testing';

const Settings = Type.Object({
  baseUrl: Type.String({ description: 'Where it is.' }),
  retries: Type.Integer({ default: 3, minimum: 0 }),
  headers: Type.Optional(Type.Array(Type.Object({ headerName: Type.String() }))),
  labels: Type.Optional(Type.Dictionary(Type.Object({ fullText: Type.String() }))),
  mode: Type.Optional(Type.Union([Type.Literal('fast'), Type.Literal('slow')])),
  target: Type.Optional(Type.Union([Type.Object({ byId: Type.String() }), Type.Object({ byName: Type.String() })])),
  level: Type.Optional(Type.Enum(['low', 'high'])),
  extra: Type.Optional(Type.Unknown()),
});

let read: any;
const plugin = step({
  name: 'probe',
  version: '1.0.0',
  title: 'Probe',
  summary: 'Keeps what it was given.',
  category: 'other',
  settings: Settings,
  output: Type.Object({ messageId: Type.String() }),
  start(_run, settings) {
    read = settings;
    return done({ messageId: 'm' });
  },
});

async function start(settings: object): Promise<Outcome> {
  // Past the host's own check, which would find most mistakes before.
  const invocation = { runId: '', workflow: '', stepId: '', visit: 1, attempt: 1, trigger: '{}', variables: '{}' };
  const outcome = await plugin.start({ ...invocation, contact: undefined, settings: JSON.stringify(settings) });
  return outcome as unknown as Outcome;
}

test('the schema has the names of YAML, and takes no others', () => {
  const { descriptor } = new Host().run(plugin);
  const { settings, output } = descriptor;
  assert.deepEqual(settings.properties['base-url'], { type: 'string', description: 'Where it is.' });
  assert.deepEqual(settings.required, ['base-url']);
  assert.equal(settings.additionalProperties, false);
  assert.deepEqual(settings.properties.headers.items.required, ['header-name']);
  assert.equal(settings.properties.headers.items.additionalProperties, false);
  assert.deepEqual(output.required, ['message-id']);
});

test('names are turned, defaults are put in, and what is an author\'s own stays', async () => {
  const extra = { 'some-thing': { 'base-url': 1 } };
  await start({
    'base-url': 'a',
    headers: [{ 'header-name': 'x' }],
    labels: { 'my-label': { 'full-text': 't' } },
    target: { 'by-name': 'n' },
    extra,
  });
  assert.deepEqual(read, {
    baseUrl: 'a',
    retries: 3,
    headers: [{ headerName: 'x' }],
    labels: { 'my-label': { fullText: 't' } },
    target: { byName: 'n' },
    extra,
  });
});

test('the output has the names that later steps read', async () => {
  const outcome = await new Host().run(plugin, { 'base-url': 'a' }).start();
  assert.deepEqual(outcome, done({ 'message-id': 'm' }));
});

test('a mistake names the setting as it was written', async () => {
  const mistakes: [object, string][] = [
    [{}, 'setting `base-url`: is missing'],
    [{ 'base-url': 5 }, 'setting `base-url`: must be of the type string'],
    [{ 'base-url': 'a', 'base-uri': 'b' }, 'setting `base-uri`: is not a setting'],
    [{ 'base-url': 'a', headers: [{}] }, 'setting `headers[0].header-name`: is missing'],
    [{ 'base-url': 'a', labels: { 'a/b': 1 } }, 'setting `labels.a/b`: must be of the type object'],
    [{ 'base-url': 'a', mode: 'x' }, 'setting `mode`: must be one of `fast`, `slow`'],
    [{ 'base-url': 'a', level: 'x' }, 'setting `level`: must be one of `low`, `high`'],
    [{ 'base-url': 'a', target: {} }, 'setting `target`: is of no form that fits'],
    [[], 'setting `(all)`: must be of the type object'],
  ];
  for (const [settings, message] of mistakes) {
    await assert.rejects(start(settings), { class: 'invalid-config', code: 'invalid-config', message });
  }
  await assert.rejects(start({ 'base-url': 'a', retries: -1 }), { class: 'invalid-config', message: /`retries`/ });
});

test('a condition on properties is no union of them', () => {
  const anyOf = [{ required: ['from'] }, { required: ['serviceId'] }];
  const settings = Type.Object(
    { from: Type.Optional(Type.String()), serviceId: Type.Optional(Type.String()) },
    { anyOf },
  );
  const either = step({
    ...{ name: 'either', version: '1.0.0', title: 'Either', summary: 'One of two.', category: 'other' },
    settings,
    start: (_run, { serviceId }) => done({ serviceId }),
  });
  const run = new Host().run(either, { 'service-id': 's' });
  assert.deepEqual(run.descriptor['settings'].anyOf[1], { required: ['service-id'] });
  return run.start().then((outcome) => assert.deepEqual(outcome, done({ serviceId: 's' })));
});
