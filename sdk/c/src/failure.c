/**
 * Failures, refused calls, and the one state that an activation has: whether it has failed.
 *
 * A component has one thread and one activation, so the state is a static. What must hold: what is
 * marked stays marked until `jf_caught` takes a refusal, or the activation ends.
 */
#include "internal.h"

static struct {
    enum { GOOD, REFUSED, FAILED } how;
    jf_call_error error;
    jf_failure failure;
} activation;

void jf_begin(void)
{
    activation.how = GOOD;
}

bool jf_may_call(void)
{
    return activation.how == GOOD;
}

void jf_refuse(jf_call_error error)
{
    if (activation.how != GOOD)
        return;
    activation.how = REFUSED;
    activation.error = error;
}

const jf_call_error *jf_caught(void)
{
    if (activation.how != REFUSED)
        return NULL;
    activation.how = GOOD;
    jf_call_error *error = jf_alloc(sizeof *error);
    *error = activation.error;
    return error;
}

void *jf_fail(jf_failure failure)
{
    activation.how = FAILED;
    activation.failure = failure;
    return NULL;
}

bool jf_has_failed(const void *answer, jf_failure *failure)
{
    if (activation.how == REFUSED)
        *failure = jf_failure_of(&activation.error);
    else if (activation.how == FAILED)
        *failure = activation.failure;
    else if (!answer)
        *failure = jf_permanent("contract", "the plugin answered nothing and gave no reason");
    else
        return false;
    activation.how = GOOD;
    return true;
}

#define FAILURE(of_class, of_code)                                                                 \
    va_list arguments;                                                                             \
    va_start(arguments, format);                                                                   \
    jf_failure failure = {                                                                         \
        .class = of_class, .code = of_code, .message = jf_format_list(format, arguments)};         \
    va_end(arguments);

jf_failure jf_transient(const char *code, const char *format, ...)
{
    FAILURE(JF_TRANSIENT, code)
    return failure;
}

jf_failure jf_permanent(const char *code, const char *format, ...)
{
    FAILURE(JF_PERMANENT, code)
    return failure;
}

jf_failure jf_blocked(const char *code, const char *format, ...)
{
    FAILURE(JF_BLOCKED, code)
    return failure;
}

jf_failure jf_invalid_config(const char *setting, const char *format, ...)
{
    FAILURE(JF_INVALID_CONFIG, "invalid-config")
    failure.message = jf_format("setting `%s`: %s", setting, failure.message);
    return failure;
}

jf_failure jf_failure_of(const jf_call_error *error)
{
    bool waits = jf_equal(error->code, "denied") || jf_equal(error->code, "secret-missing");
    return (jf_failure){
        .class = waits              ? JF_BLOCKED
                 : error->transient ? JF_TRANSIENT
                                    : JF_PERMANENT,
        .code = error->code,
        .message = error->grant ? jf_format("%s (the grant `%s` would allow it)", error->message,
                                            error->grant)
                                : error->message,
        .maybe_sent = error->maybe_sent,
    };
}

/** The codes and their classes, in the order of the enum. */
static const struct {
    const char *code;
    jf_failure_class class;
} send_errors[] = {
    {"auth", JF_BLOCKED},
    {"outside-window", JF_PERMANENT},
    {"recipient-invalid", JF_PERMANENT},
    {"recipient-opted-out", JF_PERMANENT},
    {"content-rejected", JF_PERMANENT},
    {"rate-limited", JF_TRANSIENT},
    {"quota", JF_BLOCKED},
    {"policy", JF_BLOCKED},
    {"transient", JF_TRANSIENT},
    {"unsupported", JF_PERMANENT},
    {"unknown", JF_PERMANENT},
};

const char *jf_send_code(jf_send_error error)
{
    return send_errors[error].code;
}

jf_failure jf_not_sent(jf_send_error error, const char *format, ...)
{
    FAILURE(send_errors[error].class, send_errors[error].code)
    return failure;
}

jf_failure jf_no_answer(void)
{
    const jf_call_error *error = jf_caught();
    if (!error)
        return jf_not_sent(JF_UNKNOWN, "there was no answer");
    jf_send_error kind;
    if (jf_equal(error->code, "secret-missing"))
        kind = JF_AUTH;
    else if (jf_equal(error->code, "too-large"))
        kind = JF_CONTENT_REJECTED;
    else if (error->transient || error->maybe_sent)
        kind = JF_SEND_TRANSIENT;
    else
        return jf_failure_of(error);
    jf_failure failure = jf_not_sent(kind, "%s", error->message);
    failure.maybe_sent = error->maybe_sent;
    return failure;
}

const jf_value *jf_from_host(const char *what, const char *json)
{
    const char *reason = NULL;
    const jf_value *value = jf_parse(json, &reason);
    if (!value)
        jf_fail(jf_permanent("contract", "%s from the host cannot be read: %s", what, reason));
    return value;
}

const jf_value *jf_answered(const char *json)
{
    const char *reason = NULL;
    const jf_value *value = json ? jf_parse(json, &reason) : NULL;
    if (json && !value)
        jf_refuse((jf_call_error){
            .code = "contract",
            .message = jf_format("the host's answer cannot be read: %s", reason),
        });
    return value;
}
