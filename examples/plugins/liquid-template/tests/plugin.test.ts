/** The step `liquid-template` against the test host: `npm test`. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { done } from '@jackfield/plugin';
import { Host, type HostOptions } from '@jackfield/plugin/testing';
import plugin from '../src/plugin.ts';

const render = (template: string, options: HostOptions = {}, settings = {}) =>
  new Host(options).run(plugin, { template, ...settings }).start();

test('a template sees the contact, the variables, the trigger, earlier steps and its values', async () => {
  const options = {
    contact: { firstname: 'Ann', tags: ['vip'] },
    trigger: { items: [{ name: 'Tea', price: 3.5 }, { name: 'Cup', price: 12 }], call: { id: 7 } },
    variables: { city: 'Lyon' },
    steps: { ask: { answer: 'yes' } },
  };
  const template = `Dear {{ contact.firstname | default: 'guest' }} of {{ vars.city | upcase }},
{%- for item in event.items %}
- {{ item.name }}: {{ item.price | times: 2 }}
{%- endfor %}
{% if contact.tags contains 'vip' %}You said {{ steps.ask.answer }}, {{ values.sign }}{% endif %} $5 {{ call.id }}`;
  const outcome = await render(template, options, { values: { sign: 'us' } });
  const text = 'Dear Ann of LYON,\n- Tea: 7\n- Cup: 24\nYou said yes, us $5 7';
  assert.deepEqual(outcome, done({ text }));
});

test('what has no value is an error with its place, unless the template asks first', async () => {
  const options = { contact: {} };
  await assert.rejects(render('Hi\n  {{ contact.city }}', options), {
    class: 'permanent',
    code: 'not-rendered',
    message: 'undefined variable: contact.city, line:2, col:6',
  });
  const template = "{% if contact.city %}x{% endif %}{{ contact.city | default: 'there' }}";
  assert.deepEqual(await render(template, options), done({ text: 'there' }));
});

test('a template that cannot be parsed is a wrong setting', async () => {
  const expected = { class: 'invalid-config', message: /^setting `template`: tag {% for x in y %} not closed, line:2, col:1$/ };
  await assert.rejects(render('a\n{% for x in y %}'), expected);
  await assert.rejects(render('{{ "a" | shout }}'), { class: 'invalid-config', message: /undefined filter: shout/ });
  await assert.rejects(render("{% include 'etc/passwd' %}"), { code: 'not-rendered', message: /ENOENT/ });
});

test('values are escaped in HTML, and only there', async () => {
  const options = { contact: { firstname: '<b>' } };
  const template = '{{ contact.firstname }}';
  assert.deepEqual(await render(template, options), done({ text: '<b>' }));
  assert.deepEqual(await render(template, options, { format: 'html' }), done({ text: '&lt;b&gt;' }));
});

test("the time is the run's, and letters of every script are letters", async () => {
  const now = Date.UTC(2026, 11, 24, 18, 30);
  const outcome = await render('{{ "now" | date: "%Y-%m-%d %H:%M" }} {{ "Été à Œuf!" | slugify }}', { now });
  assert.deepEqual(outcome, done({ text: '2026-12-24 18:30 été-à-œuf' }));
});

test('nothing but the data is reachable from a template', async () => {
  const template = "{{ values.constructor | default: 'nothing' }}";
  assert.deepEqual(await render(template), done({ text: 'nothing' }));
});
