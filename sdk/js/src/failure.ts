/**
 * Why an activation did not do what it was asked: a `Failure` to throw, with a constructor for each
 * class, and `SendError` for what a connector's `send` ends with.
 *
 * The class decides what the host does next, so each constructor's line says it. A refused host call
 * throws a `CallError`; a plugin that does not catch it fails with its code and message, and what may
 * have reached the other side stays marked.
 */

/** What happens after a failure. */
export type FailureClass = 'transient' | 'permanent' | 'invalid-config' | 'blocked';

/** What a failure may say beside its code and message. */
export interface FailureOptions {
  /** Not before so many milliseconds from now; only for transient failures. */
  retryAfter?: number | undefined;
  /** The request may have reached the other side: the host does not repeat it by itself. */
  maybeSent?: boolean | undefined;
}

/** Thrown by a plugin; see the constructors. */
export class Failure extends Error {
  override readonly name = 'Failure';
  /** What happens next. */
  readonly class: FailureClass;
  /** Stable, for programs: lower-case words with hyphens. */
  readonly code: string;
  /** Not before so many milliseconds from now. */
  readonly retryAfter: number | undefined;
  /** The request may have reached the other side. */
  readonly maybeSent: boolean;

  constructor(type: FailureClass, code: string, message: string, options: FailureOptions = {}) {
    super(message);
    this.class = type;
    this.code = code;
    this.retryAfter = options.retryAfter;
    this.maybeSent = options.maybeSent ?? false;
  }

  /** May succeed later: tried again with backoff. */
  static transient(code: string, message: string, options?: FailureOptions): Failure {
    return new Failure('transient', code, message, options);
  }

  /** Will not succeed: the failure branch is taken. */
  static permanent(code: string, message: string, options?: FailureOptions): Failure {
    return new Failure('permanent', code, message, options);
  }

  /**
   * A setting is wrong: the failure branch is taken, and the operator is told which one. `setting`
   * is a path such as `branches[2].when`.
   */
  static invalidConfig(setting: string, message: string): Failure {
    return new Failure('invalid-config', 'invalid-config', `setting \`${setting}\`: ${message}`);
  }

  /** Something must be put right outside first (a credential, a grant, an account). */
  static blocked(code: string, message: string, options?: FailureOptions): Failure {
    return new Failure('blocked', code, message, options);
  }

  /**
   * Anything that a plugin has thrown. A refused host call: `denied` and `secret-missing` wait for
   * the operator, what may pass is transient, the rest is permanent. What is neither a failure nor a
   * refusal is a mistake of the plugin; it ends as a failure with its text, where a trap would leave
   * the operator with nothing to read.
   */
  static of(thrown: unknown): Failure {
    if (thrown instanceof Failure) {
      return thrown;
    }
    if (thrown instanceof CallError) {
      const type = ['denied', 'secret-missing'].includes(thrown.code)
        ? 'blocked'
        : thrown.transient
          ? 'transient'
          : 'permanent';
      const hint = thrown.grant === undefined ? '' : ` (the grant \`${thrown.grant}\` would allow it)`;
      const { maybeSent } = thrown;
      return new Failure(type, thrown.code, thrown.message + hint, { maybeSent });
    }
    const stack = thrown instanceof Error ? (thrown.stack ?? '').split('\n') : [];
    const places = stack.map((line) => line.trim()).filter((line) => line !== '' && line !== String(thrown));
    const where = places.length === 0 ? '' : ` (${places.slice(0, 3).join(', ')})`;
    return Failure.permanent('exception', `${String(thrown)}${where}`);
  }
}

/** Why a host call did not do what it was asked. Thrown by the functions of the imports. */
export class CallError extends Error {
  override readonly name = 'CallError';
  /** Stable, for programs, such as `denied`, `invalid`, `not-found`; each function says which. */
  readonly code: string;
  /** With `denied`: the exact grant that would allow the call. */
  readonly grant: string | undefined;
  /** The same call may succeed later. */
  readonly transient: boolean;
  /** The request may have reached the other side. */
  readonly maybeSent: boolean;
  /** More for programs, where the function says so. */
  readonly detail: unknown;

  constructor(
    code: string,
    message: string,
    more: { grant?: string | undefined; transient?: boolean; maybeSent?: boolean; detail?: unknown } = {},
  ) {
    super(message);
    this.code = code;
    this.grant = more.grant;
    this.transient = more.transient ?? false;
    this.maybeSent = more.maybeSent ?? false;
    this.detail = more.detail;
  }
}

const sendError =
  (code: string, type: FailureClass) =>
  (message: string, options?: FailureOptions): Failure =>
    new Failure(type, code, message, options);

/** Why a connector's `send` did not send. The host acts on these codes. */
export const SendError = {
  /** The credentials are wrong, expired or revoked: the channel is paused. */
  auth: sendError('auth', 'blocked'),
  /** The messaging window is closed; only a template is allowed. */
  outsideWindow: sendError('outside-window', 'permanent'),
  /** The address is unknown or not on this platform. */
  recipientInvalid: sendError('recipient-invalid', 'permanent'),
  /** The contact has opted out at the provider: the host records it. */
  recipientOptedOut: sendError('recipient-opted-out', 'permanent'),
  /** Too long, bad media, a template that does not match. */
  contentRejected: sendError('content-rejected', 'permanent'),
  /** Too fast: the channel slows down, the message is tried again. */
  rateLimited: sendError('rate-limited', 'transient'),
  /** No balance, or a monthly limit is used up. */
  quota: sendError('quota', 'blocked'),
  /** The provider refuses by its rules, or has blocked the account. */
  policy: sendError('policy', 'blocked'),
  /** May pass: tried again. */
  transient: sendError('transient', 'transient'),
  /** The channel cannot send such a message. */
  unsupported: sendError('unsupported', 'permanent'),
  /** Anything else. */
  unknown: sendError('unknown', 'permanent'),
  /**
   * Anything that a connector has thrown, as the host wants it of a connector: a request that got no
   * answer is `transient`, and marked where it may have reached the provider. The SDK does this to
   * whatever leaves `check`, `connect` and `send`.
   */
  of(thrown: unknown): Failure {
    if (!(thrown instanceof CallError)) {
      return Failure.of(thrown);
    }
    const { code, message, transient, maybeSent } = thrown;
    if (code === 'secret-missing') return SendError.auth(message);
    if (code === 'too-large') return SendError.contentRejected(message);
    return transient || maybeSent ? SendError.transient(message, { maybeSent }) : Failure.of(thrown);
  },
};
