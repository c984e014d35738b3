/**
 * The contract's `step` on top of the author's `jf_plugin`.
 *
 * The bindings' functions that would free an answer (weak symbols, to be replaced) give way to ones
 * that are not exported, so that the host calls none: the sandbox is thrown away, and an answer may
 * be a constant.
 */
#include "boundary.h"

extern const jf_step jf_plugin;

#define KEEP(function)                                                                             \
    void __wasm_export_exports_jackfield_plugin_step_##function##_post_return(uint8_t *answer);      \
    void __wasm_export_exports_jackfield_plugin_step_##function##_post_return(uint8_t *answer)       \
    {                                                                                              \
        (void)answer;                                                                              \
    }
KEEP(describe)
KEEP(start)
KEEP(resume)

void exports_jackfield_plugin_step_describe(plugin_string_t *descriptor)
{
    *descriptor = jf_lower(jf_describe_step(&jf_plugin));
}

static void lower_wait(const jf_outcome *wait, exports_jackfield_plugin_step_wait_t *into)
{
    into->until.is_some = wait->has_until;
    into->until.val = wait->until;
    into->state = jf_lower_json(wait->value);
    into->events.ptr = jf_alloc(wait->event_count * sizeof *into->events.ptr);
    into->events.len = wait->event_count;
    for (size_t i = 0; i < wait->event_count; i++) {
        const jf_subscription *event = &wait->events[i];
        into->events.ptr[i] = (exports_jackfield_plugin_step_subscription_t){
            .event = jf_lower(event->event),
            .subject = jf_lower_some(event->subject),
            .when = {.is_some = event->when != NULL, .val = jf_lower_json(event->when)},
            .claim = event->claim,
        };
    }
}

static void lower_outcome(const jf_outcome *outcome, exports_jackfield_plugin_step_outcome_t *into)
{
    into->tag = (uint8_t)outcome->kind; /* in the order of the contract */
    switch (outcome->kind) {
    case JF_IS_DONE:
        into->val.done.branch = jf_lower_some(outcome->text);
        into->val.done.output.is_some = outcome->value != NULL;
        into->val.done.output.val = jf_lower_json(outcome->value);
        return;
    case JF_IS_WAIT:
        lower_wait(outcome, &into->val.wait);
        return;
    case JF_IS_GOTO:
        into->val.goto_ = jf_lower(outcome->text);
        return;
    case JF_IS_END:
        into->val.end = jf_lower(outcome->text);
        return;
    }
}

static bool drive(exports_jackfield_plugin_step_invocation_t *invocation, const char *state,
                  jf_wake *wake, const char *data, exports_jackfield_plugin_step_outcome_t *into,
                  exports_jackfield_plugin_step_failure_t *why)
{
    jf_run run = {
        .run_id = jf_lift(invocation->run_id),
        .workflow = jf_lift(invocation->workflow),
        .step_id = jf_lift(invocation->step_id),
        .visit = invocation->visit,
        .attempt = invocation->attempt,
        .trigger_json = jf_lift(invocation->trigger),
        .variables_json = jf_lift(invocation->variables),
        .contact_json = invocation->contact.is_some ? jf_lift(invocation->contact.val) : NULL,
    };
    jf_failure failure;
    const jf_outcome *outcome = jf_drive_step(&jf_plugin, &run, jf_lift(invocation->settings),
                                              state, wake, data, &failure);
    if (outcome)
        lower_outcome(outcome, into);
    else
        jf_lower_failure(&failure, why);
    return outcome;
}

bool exports_jackfield_plugin_step_start(exports_jackfield_plugin_step_invocation_t *invocation,
                                         exports_jackfield_plugin_step_outcome_t *into,
                                         exports_jackfield_plugin_step_failure_t *why)
{
    return drive(invocation, NULL, NULL, NULL, into, why);
}

bool exports_jackfield_plugin_step_resume(exports_jackfield_plugin_step_invocation_t *invocation,
                                          plugin_string_t *state,
                                          exports_jackfield_plugin_step_wake_t *wake,
                                          exports_jackfield_plugin_step_outcome_t *into,
                                          exports_jackfield_plugin_step_failure_t *why)
{
    jf_wake lifted = {.timer = wake->tag == EXPORTS_JACKFIELD_PLUGIN_STEP_WAKE_TIMER};
    const char *data = NULL;
    if (!lifted.timer) {
        lifted.id = jf_lift(wake->val.event.id);
        lifted.name = jf_lift(wake->val.event.name);
        lifted.at = wake->val.event.at;
        data = jf_lift(wake->val.event.data);
    }
    return drive(invocation, jf_lift(*state), &lifted, data, into, why);
}
