/** A run that stands at a step: runs it as the host does, and keeps the state of the last wait. */

import { Failure, type FailureClass } from '../failure.ts';
import type { Outcome, Subscription } from '../outcome.ts';
import type { ContractInvocation, ContractOutcome, ContractWake, StepExport } from '../step.ts';
import type { Host, JsonObject } from './host.ts';
import { hold, mistake, STEP_DESCRIPTOR } from './schemas.ts';

export class Run {
  /** What the step says of itself. */
  readonly descriptor: JsonObject;
  /** The n-th try, from 1; a test may set it. */
  attempt = 1;
  readonly #host: Host;
  readonly #step: StepExport;
  readonly #settings: JsonObject;
  #state: string | undefined;

  constructor(host: Host, step: StepExport, settings: JsonObject) {
    this.descriptor = JSON.parse(step.describe());
    hold('the descriptor', STEP_DESCRIPTOR, this.descriptor);
    this.#host = host;
    this.#step = step;
    this.#settings = settings;
  }

  /**
   * The run arrives at the step. Settings that break their schema are refused as the host refuses
   * them: with a failure of the class `invalid-config`.
   */
  async start(): Promise<Outcome> {
    const reason = mistake(this.descriptor['settings'], this.#settings);
    if (reason !== undefined) {
      throw Failure.invalidConfig('(schema)', reason);
    }
    return this.#activate(() => this.#step.start(this.#invocation()));
  }

  /** The time of the wait comes. */
  async timer(): Promise<Outcome> {
    return this.#wake({ tag: 'timer' });
  }

  /** An event comes. */
  async event(name: string, data: unknown): Promise<Outcome> {
    const at = BigInt(this.#host.now);
    return this.#wake({ tag: 'event', val: { id: 'event-1', name, data: JSON.stringify(data), at } });
  }

  #wake(wake: ContractWake): Promise<Outcome> {
    const state = this.#state;
    if (state === undefined) {
      throw new Error('the step does not wait, so nothing can wake it');
    }
    this.#state = undefined;
    return this.#activate(() => this.#step.resume(this.#invocation(), state, wake));
  }

  async #activate(act: () => Promise<ContractOutcome>): Promise<Outcome> {
    return this.#outcome(await activate(this.#host, act));
  }

  #invocation(): ContractInvocation {
    const { contact } = this.#host;
    const { trigger = {}, steps = {} } = this.#host.options;
    return {
      runId: 'run-1',
      workflow: 'test',
      stepId: 'step',
      visit: 1,
      attempt: this.attempt,
      settings: JSON.stringify(this.#settings),
      trigger: JSON.stringify(trigger),
      variables: JSON.stringify({ vars: this.#host.variables, steps }),
      contact: contact === undefined ? undefined : JSON.stringify(contact),
    };
  }

  /** The outcome as the plugin returned it, but with the names of the output as later steps read them. */
  #outcome(outcome: ContractOutcome): Outcome {
    switch (outcome.tag) {
      case 'done': {
        const { branch, output } = outcome.val;
        const value = output === undefined ? undefined : JSON.parse(output);
        if (value !== undefined) {
          hold('the output', this.descriptor['output'], value);
        }
        return { tag: 'done', ...defined({ branch, output: value }) } as Outcome;
      }
      case 'wait': {
        if (this.descriptor['waits'] !== true) {
          throw new Error('a step that waits must say so: `waits: true`');
        }
        const { until, events, state } = outcome.val;
        this.#state = state;
        const on = events.map(({ event, subject, when, claim }) =>
          defined({ event, subject, when: when && JSON.parse(when), claim: claim || undefined }),
        ) as unknown as Subscription[];
        const time = until === undefined ? undefined : Number(until);
        const ends = { until: time, on: on.length === 0 ? undefined : on };
        return { tag: 'wait', state: JSON.parse(state), ...defined(ends) } as Outcome;
      }
      case 'goto':
        return { tag: 'goto', step: outcome.val };
      case 'end':
        return { tag: 'end', reason: outcome.val };
    }
  }
}

/** One activation; the contract's failure comes out as a `Failure`. */
export async function activate<T>(host: Host, act: () => Promise<T>): Promise<T> {
  try {
    return await host.serve(act);
  } catch (thrown) {
    if (thrown instanceof Error) {
      throw thrown;
    }
    const failure = thrown as ContractFailure;
    const retryAfter = failure.retryAfter === undefined ? undefined : Number(failure.retryAfter);
    const { maybeSent } = failure;
    throw new Failure(failure.class, failure.code, failure.message, { retryAfter, maybeSent });
  }
}

interface ContractFailure {
  class: FailureClass;
  code: string;
  message: string;
  retryAfter: bigint | undefined;
  maybeSent: boolean;
}

/** Without what is `undefined`, so that outcomes compare with what `done`, `wait` and others give. */
function defined(fields: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}
