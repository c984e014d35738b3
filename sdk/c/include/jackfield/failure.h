/**
 * Why an activation did not do what it was asked.
 *
 * Failing is the same in every function of a plugin, whatever it answers:
 *
 *     if (!contact)
 *         return jf_fail(jf_permanent("not-found", "the run has no contact to greet"));
 *
 * `jf_fail` marks the activation and answers NULL. A refused host call marks it as well: the
 * function answers NULL or false, and unless the plugin takes the refusal by `jf_caught`, it is
 * what the activation ends with, whatever the plugin returns. Until it is taken, no further call
 * that can be refused reaches the host; each answers NULL or false. So nothing is done on top of a
 * refusal that nobody has looked at.
 */
#ifndef JACKFIELD_FAILURE_H
#define JACKFIELD_FAILURE_H

#include "json.h"

/** What happens after a failure. */
typedef enum jf_failure_class {
    JF_TRANSIENT,      /**< may succeed later: tried again with backoff */
    JF_PERMANENT,      /**< will not succeed: the failure branch is taken */
    JF_INVALID_CONFIG, /**< a setting is wrong: the failure branch, and the operator is told */
    JF_BLOCKED         /**< something must be put right outside first (a grant, an account) */
} jf_failure_class;

/** A failure. */
typedef struct jf_failure {
    jf_failure_class class;
    /** Stable, lower-case, hyphens: for programs. */
    const char *code;
    /** For people: what went wrong, and what would be right. */
    const char *message;
    /** Not before so many milliseconds from now; 0: at any time. Only for transient ones. */
    uint64_t retry_after;
    /** The request may have reached the other side: the host does not repeat it by itself. */
    bool maybe_sent;
} jf_failure;

/** One of each class; the message is made as `printf` makes one. */
jf_failure jf_transient(const char *code, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
jf_failure jf_permanent(const char *code, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
jf_failure jf_blocked(const char *code, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/** `setting` is a path such as `branches[2].when`; the code is `invalid-config`. */
jf_failure jf_invalid_config(const char *setting, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/** Fails with this: marks the activation, takes the place of a refusal, and answers NULL. */
void *jf_fail(jf_failure failure);

/** Why a host call did not do what it was asked. */
typedef struct jf_call_error {
    /** Such as `denied`, `invalid`, `too-large`, `not-found`, `unavailable`. */
    const char *code;
    /** For people. */
    const char *message;
    /** With `denied`: the grant that would allow the call; else NULL. */
    const char *grant;
    /** The same call may succeed later. */
    bool transient;
    /** The request may have reached the other side. */
    bool maybe_sent;
    /** More for programs, where the function says so; else NULL. */
    const jf_value *detail;
} jf_call_error;

/** Takes the refusal of the last host call, so that the activation goes on; NULL where none was
 *  refused. */
const jf_call_error *jf_caught(void);

/** The failure of a refused call: `denied` and `secret-missing` wait for the operator, what may
 *  pass is transient, the rest is permanent. */
jf_failure jf_failure_of(const jf_call_error *error);

/** Why a connector's `send` did not send. The host acts on these. */
typedef enum jf_send_error {
    JF_AUTH,                /**< the credentials are wrong: the channel is paused */
    JF_OUTSIDE_WINDOW,      /**< the messaging window is closed */
    JF_RECIPIENT_INVALID,   /**< the address is unknown */
    JF_RECIPIENT_OPTED_OUT, /**< opted out at the provider: the host records it */
    JF_CONTENT_REJECTED,    /**< too long, bad media, a template that does not match */
    JF_RATE_LIMITED,        /**< too fast: the channel slows down, and tries again */
    JF_QUOTA,               /**< no balance, or a limit is used up */
    JF_POLICY,              /**< the provider refuses by its rules */
    JF_SEND_TRANSIENT,      /**< may pass: tried again */
    JF_UNSUPPORTED,         /**< the channel cannot send such a message */
    JF_UNKNOWN              /**< anything else */
} jf_send_error;

/** The code as the contract names it, such as `rate-limited`. */
const char *jf_send_code(jf_send_error error);
/** The failure of this kind, with the class that belongs to it. */
jf_failure jf_not_sent(jf_send_error error, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/** The failure of a request that got no answer from the provider; marks what may have been sent.
 *  Takes the refusal: `if (!response) return jf_fail(jf_no_answer());` */
jf_failure jf_no_answer(void);

#endif
