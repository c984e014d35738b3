/**
 * Steps: how an outcome is put together, and how a step is driven, from JSON in to an outcome out.
 */
#include "internal.h"

static const jf_value *some_from_host(const char *what, const char *json)
{
    return json ? jf_from_host(what, json) : NULL;
}

const jf_value *jf_trigger(const jf_run *run)
{
    return some_from_host("the trigger's data", run->trigger_json);
}

const jf_value *jf_variables(const jf_run *run)
{
    return some_from_host("the run's variables", run->variables_json);
}

const jf_value *jf_contact(const jf_run *run)
{
    return some_from_host("the contact", run->contact_json);
}

static jf_outcome *outcome(int kind, const char *text, const jf_value *value)
{
    jf_outcome *made = jf_alloc(sizeof *made);
    made->kind = kind;
    made->text = jf_kept(text);
    made->value = value;
    return made;
}

jf_outcome *jf_done(const jf_value *output)
{
    return outcome(JF_IS_DONE, NULL, output);
}

jf_outcome *jf_branch(const char *branch, const jf_value *output)
{
    return outcome(JF_IS_DONE, branch, output);
}

jf_outcome *jf_goto(const char *step_id)
{
    return outcome(JF_IS_GOTO, step_id, NULL);
}

jf_outcome *jf_end(const char *reason)
{
    return outcome(JF_IS_END, reason, NULL);
}

jf_outcome *jf_wait(const jf_value *state)
{
    return outcome(JF_IS_WAIT, NULL, jf_of_value(state));
}

void jf_until(jf_outcome *wait, uint64_t timestamp)
{
    wait->has_until = true;
    wait->until = timestamp;
}

void jf_on(jf_outcome *wait, jf_subscription subscription)
{
    const size_t most = sizeof wait->events / sizeof *wait->events;
    if (wait->event_count == most)
        jf_fail(jf_permanent("contract", "a wait ends with at most %zu events", most));
    else
        wait->events[wait->event_count++] = (jf_subscription){
            .event = jf_kept(subscription.event),
            .subject = jf_kept(subscription.subject),
            .when = subscription.when,
            .claim = subscription.claim,
        };
}

/** Settings as the plugin declares them; NULL, and a failure, where they are not so. */
static const void *settings_of(const jf_step *step, const char *json)
{
    if (!step->settings)
        return ""; /* there is nothing to read */
    return jf_settings(step->settings, jf_parse(json, NULL));
}

static const jf_outcome *act(const jf_step *step, const jf_run *run, const char *settings_json,
                             const char *state_json, jf_wake *wake, const char *data_json)
{
    const void *settings = settings_of(step, settings_json);
    if (!settings)
        return NULL;
    if (!wake)
        return step->start(run, settings);
    if (!step->resume)
        return jf_fail(
            jf_permanent("contract", "this step never waits, so there is nothing to resume"));
    const jf_value *state = jf_from_host("the step's state", state_json);
    if (!state)
        return NULL;
    if (!wake->timer && !(wake->data = jf_from_host("an event's data", data_json)))
        return NULL;
    return step->resume(run, settings, state, wake);
}

const jf_outcome *jf_drive_step(const jf_step *step, const jf_run *run, const char *settings_json,
                                const char *state_json, jf_wake *wake, const char *data_json,
                                jf_failure *failure)
{
    jf_begin();
    const jf_outcome *made = act(step, run, settings_json, state_json, wake, data_json);
    return jf_has_failed(made, failure) ? NULL : made;
}
