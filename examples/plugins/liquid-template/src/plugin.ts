/**
 * The step `liquid-template`: renders a Liquid template from the run's variables, contact and trigger.
 *
 * Liquid is the language of shops' and mail tools' templates; this is the npm library `liquidjs` in a
 * sandbox. What is not there is an error with its line and column instead of an empty place in a
 * message: an unknown filter, and a variable without a value, unless the template asks first
 * (`{% if contact.city %}`, `{{ contact.firstname | default: 'there' }}`).
 *
 * What must hold: a template that cannot be parsed is the setting's fault (`invalid-config`), one that
 * cannot be rendered for this run is `not-rendered`; the time is the run's.
 */

import { done, Failure, step, Type } from '@jackfield/plugin';
import * as clock from '@jackfield/plugin/clock';
import { Liquid, LiquidError, ParseError, TokenizationError } from 'liquidjs';
import project from '../package.json' with { type: 'json' };

/** Made when the plugin is built, so that an activation begins with it. No template can name a file. */
const strict = { strictVariables: true, strictFilters: true, lenientIf: true, ownPropertyOnly: true };
const common = { ...strict, templates: {}, timezoneOffset: 0 };
const engines = { text: new Liquid(common), html: new Liquid({ ...common, outputEscape: 'escape' }) };

export default step({
  name: project.name,
  version: project.version,
  title: 'Liquid template',
  summary: "Renders a Liquid template from the run's variables, its contact and its trigger.",
  icon: '💧',
  category: 'other',
  settings: Type.Object({
    template: Type.String({
      description:
        'The template. It sees what variables see: `contact`, `vars`, `steps`, `event` and what else the trigger brings, such as `call`; and `values`.',
      minLength: 1,
      maxLength: 65_536,
      // `$` is an ordinary letter in Liquid.
      'x-jackfield-raw': true,
    }),
    values: Type.Dictionary(Type.Unknown(), {
      description: 'More values, seen as `values.NAME`. Variables may stand in them.',
      default: {},
    }),
    format: Type.Enum(['text', 'html'], {
      description: 'In `html` every value is escaped, unless the template says `| raw`.',
      default: 'text',
    }),
  }),
  output: Type.Object({
    text: Type.String({ description: 'The rendered template.' }),
  }),

  start(run, { template, values, format }) {
    const engine = engines[format];
    const parsed = attempt(() => engine.parse(template));
    // As variables see it: what the event carries is `event`, and its own namespaces besides.
    const { trigger, contact } = run;
    const scope = { ...trigger, event: trigger, ...run.variables, contact, values };
    const text = at(clock.now(), () => attempt(() => engine.renderSync(parsed, scope)));
    return done({ text });
  },
});

/** Does a part of the work; what the library says of a mistake is the failure. */
function attempt<T>(act: () => T): T {
  try {
    return act();
  } catch (error) {
    if (!LiquidError.is(error)) throw error;
    // Its text says what and where: `undefined variable: contact.city, line:1, col:4`.
    const isOfTemplate = error instanceof ParseError || error instanceof TokenizationError;
    throw isOfTemplate
      ? Failure.invalidConfig('template', error.message)
      : Failure.permanent('not-rendered', error.message);
  }
}

/** Does something at a time: the library asks `Date.now()`, which in the sandbox is nobody's. */
function at<T>(now: number, act: () => T): T {
  const original = Date.now;
  Date.now = () => now;
  try {
    return act();
  } finally {
    Date.now = original;
  }
}
