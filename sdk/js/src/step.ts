/**
 * A workflow step, and the bridge between it and the contract's records.
 *
 * A step never sleeps and keeps nothing in memory: it returns `wait` with the little state that it
 * wants back, and is resumed in a fresh sandbox. Its functions may be `async`, for libraries that
 * are; host calls are not.
 */

import type { Static, TSchema } from 'typebox';
import { stepDescriptor, type StepDescription } from './descriptor.ts';
import { Failure } from './failure.ts';
import type { Outcome } from './outcome.ts';
import { Declaration, validator } from './settings.ts';
import * as Type from './type.ts';

/** What a step is: what it says of itself, and what it does. */
export interface StepDefinition<S extends TSchema, O extends TSchema, T extends TSchema>
  extends StepDescription<S, O> {
  /** What a wait keeps; only for steps that wait. Its names stay as they are. */
  state?: T;
  /** Called when a run arrives at the step. */
  start(run: Invocation, settings: Static<S>): MayWait<Outcome<Static<O>, Static<T>>>;
  /** Called when a wait of this visit has ended. Variables in the settings are put in afresh. */
  resume?(
    run: Invocation,
    settings: Static<S>,
    state: Static<T>,
    wake: Wake,
  ): MayWait<Outcome<Static<O>, Static<T>>>;
}

/** Now or later. */
export type MayWait<T> = T | Promise<T>;

/** What the step is asked to do, beside its settings. */
export class Invocation {
  /** The run's id. */
  readonly runId: string;
  /** The workflow's name. */
  readonly workflow: string;
  /** The step's id in the workflow. */
  readonly stepId: string;
  /** The n-th time that this run stands at this step, from 1. */
  readonly visit: number;
  /** The n-th try of this visit, from 1. */
  readonly attempt: number;
  readonly #contract: ContractInvocation;

  constructor(contract: ContractInvocation) {
    this.runId = contract.runId;
    this.workflow = contract.workflow;
    this.stepId = contract.stepId;
    this.visit = contract.visit;
    this.attempt = contract.attempt;
    this.#contract = contract;
  }

  /** The data of the event that started the run. */
  get trigger(): any {
    return JSON.parse(this.#contract.trigger);
  }

  /** The run's variables and the outputs of earlier steps, by the steps' ids. */
  get variables(): { vars: { [name: string]: any }; steps: { [id: string]: any } } {
    return JSON.parse(this.#contract.variables);
  }

  /** The contact that the run is about, if there is one. */
  get contact(): { [field: string]: any } | undefined {
    const { contact } = this.#contract;
    return contact === undefined ? undefined : JSON.parse(contact);
  }
}

/** What ended a wait: its time, or an event. */
export type Wake = { tag: 'timer' } | { tag: 'event'; event: Event };

/** An event that ended a wait. */
export interface Event {
  /** Its id. */
  id: string;
  /** Its name. */
  name: string;
  /** Its data. */
  data: any;
  /** When it was accepted, in milliseconds since 1970. */
  at: number;
}

/** The contract's `invocation`, as the tool-chain gives it to JavaScript. */
export interface ContractInvocation {
  runId: string;
  workflow: string;
  stepId: string;
  visit: number;
  attempt: number;
  settings: string;
  trigger: string;
  variables: string;
  contact: string | undefined;
}

/** The contract's `wake`. */
export type ContractWake =
  | { tag: 'timer' }
  | { tag: 'event'; val: { id: string; name: string; data: string; at: bigint } };

/** The contract's `outcome`. */
export type ContractOutcome =
  | { tag: 'done'; val: { branch: string | undefined; output: string | undefined } }
  | { tag: 'wait'; val: ContractWait }
  | { tag: 'goto' | 'end'; val: string };

/** The contract's `wait`. */
export interface ContractWait {
  until: bigint | undefined;
  events: { event: string; subject: string | undefined; when: string | undefined; claim: boolean }[];
  state: string;
}

/** The contract's `step`: what the component exports. */
export interface StepExport {
  describe(): string;
  start(invocation: ContractInvocation): Promise<ContractOutcome>;
  resume(invocation: ContractInvocation, state: string, wake: ContractWake): Promise<ContractOutcome>;
}

/** Makes a plugin of a step: `export default step({...})`. */
export function step<S extends TSchema, O extends TSchema = TSchema, T extends TSchema = TSchema>(
  definition: StepDefinition<S, O, T>,
): StepExport {
  const settingsOf = new Declaration(definition.settings, true);
  const outputOf = new Declaration(definition.output ?? Type.Object({}), false);
  const stateOf = validator(definition.state ?? {});
  const read = (invocation: ContractInvocation) => settingsOf.read(JSON.parse(invocation.settings));
  return {
    describe: () => stepDescriptor(definition as StepDescription<TSchema, TSchema>, settingsOf.wire, outputOf.wire),
    start: (invocation) =>
      guarded(async () => {
        const outcome = await definition.start(new Invocation(invocation), read(invocation));
        return written(outcome, outputOf);
      }),
    resume: (invocation, text, wake) =>
      guarded(async () => {
        if (definition.resume === undefined) {
          throw Failure.permanent('contract', 'this step never waits, so there is nothing to resume');
        }
        const state = JSON.parse(text) as Static<T>;
        if (!stateOf.validate(state).valid) {
          throw Failure.permanent('contract', 'the state of the wait is not of the type that this step declares');
        }
        const outcome = await definition.resume(new Invocation(invocation), read(invocation), state, woken(wake));
        return written(outcome, outputOf);
      }),
  };
}

/** Runs a part of a plugin; what it throws is the contract's `failure`. */
export async function guarded<T>(
  act: () => Promise<T>,
  failure: (thrown: unknown) => Failure = Failure.of,
): Promise<T> {
  try {
    return await act();
  } catch (thrown) {
    const { class: type, code, message, retryAfter, maybeSent } = failure(thrown);
    const milliseconds = retryAfter === undefined ? undefined : BigInt(Math.ceil(retryAfter));
    throw { class: type, code, message, retryAfter: milliseconds, maybeSent };
  }
}

function woken(wake: ContractWake): Wake {
  if (wake.tag === 'timer') {
    return wake;
  }
  const { id, name, data, at } = wake.val;
  return { tag: 'event', event: { id, name, data: JSON.parse(data), at: Number(at) } };
}

function written(outcome: Outcome, outputOf: Declaration<TSchema>): ContractOutcome {
  switch (outcome.tag) {
    case 'done': {
      const { branch, output } = outcome;
      return { tag: 'done', val: { branch, output: json(outputOf.write(output)) } };
    }
    case 'wait': {
      const { until, on = [], state } = outcome;
      const events = on.map(({ event, subject, when, claim = false }) => ({ event, subject, when: json(when), claim }));
      const time = until === undefined ? undefined : BigInt(Math.ceil(until));
      return { tag: 'wait', val: { until: time, events, state: json(state) ?? 'null' } };
    }
    case 'goto':
      return { tag: 'goto', val: outcome.step };
    case 'end':
      return { tag: 'end', val: outcome.reason };
  }
}

function json(value: unknown): string | undefined {
  return value === undefined ? undefined : JSON.stringify(value);
}
