/**
 * Write a Jackfield plugin in TypeScript or JavaScript.
 *
 * A plugin is a workflow step or a channel connector, built into one WebAssembly component. The
 * contract is `wit/` of the project; this package makes it pleasant and adds nothing to it: `step`
 * and `connector` make a plugin of what it says of itself and what it does, settings are declared
 * once with `Type`, outcomes and failures are values, and each import is a module of its own
 * (`@jackfield/plugin/http`, `@jackfield/plugin/contacts`, ...). `@jackfield/plugin/testing` runs a
 * plugin in Node without a host.
 *
 * What must hold: this module imports nothing of the contract, so that a plugin's component imports
 * the interfaces whose modules the plugin imports, and no other.
 */

export type { Static } from 'typebox';
export * as Type from './type.ts';

export { base64, bytes, fromBase64, hex, text } from './bytes.ts';
export {
  type Channel,
  type Connected,
  connector,
  type ConnectorDefinition,
  type ConnectorExport,
  type Receipt,
  type Received,
  recipient,
  refused,
  WebhookRequest,
} from './connector.ts';
export type { Branch, Category, FailureCode, Limits, Secret, TextLimit } from './descriptor.ts';
export { CallError, Failure, type FailureClass, type FailureOptions, SendError } from './failure.ts';
export type * from './message.ts';
export {
  branch,
  type Done,
  done,
  type End,
  end,
  type Goto,
  goto,
  type Outcome,
  type Subscription,
  type Wait,
  wait,
} from './outcome.ts';
export { type Event, Invocation, step, type StepDefinition, type StepExport, type Wake } from './step.ts';
