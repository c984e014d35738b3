/// <reference path="./contract.d.ts" />
/**
 * Calls of the host: a refusal becomes a `CallError`.
 */

import { CallError } from './failure.ts';

/** The contract's `call-error`, which the tool-chain hands over as an exception's `payload`. */
interface Refusal {
  code: string;
  message: string;
  grant?: string | undefined;
  transient: boolean;
  maybeSent: boolean;
  detail?: string | undefined;
}

/** Does a call of the host. */
export function call<T>(act: () => T): T {
  try {
    return act();
  } catch (thrown) {
    const refusal = (thrown as { payload?: Refusal } | undefined)?.payload;
    if (refusal === undefined) {
      throw thrown;
    }
    const { code, message, grant, transient, maybeSent, detail } = refusal;
    throw new CallError(code, message, {
      grant,
      transient,
      maybeSent,
      detail: detail === undefined ? undefined : JSON.parse(detail),
    });
  }
}
