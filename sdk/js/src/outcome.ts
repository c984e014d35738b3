/**
 * How a step ends an activation: done, waiting, going elsewhere, or ending the run.
 *
 * These are plain values, so a test compares them with `assert.deepEqual`.
 */

/** What comes of an activation. `O` is the step's output, `T` the state of a wait. */
export type Outcome<O = unknown, T = unknown> = Done<O> | Wait<T> | Goto | End;

/** The run goes on with a branch of this step. */
export interface Done<O = unknown> {
  tag: 'done';
  /** Left out: `success`. */
  branch?: string;
  /** Under the output schema; later steps read it as `steps.<id>.<name>`. */
  output?: O;
}

/** The run waits, and comes back to `resume`. */
export interface Wait<T = unknown> {
  tag: 'wait';
  /** Given back on `resume`. */
  state: T;
  /** Woken at this time (milliseconds since 1970) at the latest; left out: in 365 days. */
  until?: number;
  /** The first of these ends the wait; at most 16. */
  on?: Subscription[];
}

/** The run goes on at the step with this id. */
export interface Goto {
  tag: 'goto';
  /** The step's id. */
  step: string;
}

/** The run ends as completed. */
export interface End {
  tag: 'end';
  /** For people. */
  reason: string;
}

/** An event that ends a wait. */
export interface Subscription {
  /** Its name, such as `message.received`, `message.status`, or a custom one. */
  event: string;
  /** What it must be about (a message's id, a run's id); left out: the run's contact. */
  subject?: string | undefined;
  /** A condition on its data, such as `{field: 'event.status', is: 'failed'}`. */
  when?: unknown;
  /** Takes the event from older waits that claim it too. */
  claim?: boolean | undefined;
}

/** Done, by the branch `success`. */
export function done(): Done<never>;
export function done<O>(output: O): Done<O>;
export function done(output?: unknown): Done {
  return output === undefined ? { tag: 'done' } : { tag: 'done', output };
}

/** Done, by a branch that the descriptor names. */
export function branch(name: string): Done<never>;
export function branch<O>(name: string, output: O): Done<O>;
export function branch(name: string, output?: unknown): Done {
  return { ...done(output), branch: name };
}

/** Wait for a time, for events, or for the first of both; `state` comes back on `resume`. */
export function wait<T>(state: T, ends: { until?: number | undefined; on?: Subscription[] } = {}): Wait<T> {
  const { until, on } = ends;
  return { tag: 'wait', state, ...(until === undefined ? {} : { until }), ...(on === undefined ? {} : { on }) };
}

/** The run goes on at the step with this id. */
export function goto(step: string): Goto {
  return { tag: 'goto', step };
}

/** The run ends as completed, with a reason for people. */
export function end(reason: string): End {
  return { tag: 'end', reason };
}
