/**
 * A plugin run as the host does it: JSON in, JSON out, everything under its schema.
 */
#include "internal.h"

const jf_value *jf_test_describe_step(const jf_step *step)
{
    const jf_value *descriptor = jf_json_of("the descriptor", jf_describe_step(step));
    jf_hold("the descriptor", jf_published("step-descriptor"), descriptor);
    return descriptor;
}

const jf_value *jf_test_describe_connector(const jf_connector *connector)
{
    const jf_value *descriptor = jf_json_of("the descriptor", jf_describe_connector(connector));
    jf_hold("the descriptor", jf_published("connector-descriptor"), descriptor);
    return descriptor;
}

static jf_result failed(jf_failure failure)
{
    return (jf_result){.failed = true, .failure = failure};
}

static jf_result result_of(const jf_value *descriptor, const jf_outcome *outcome)
{
    jf_result result = {0};
    switch (outcome->kind) {
    case JF_IS_DONE:
        result.branch = outcome->text ? outcome->text : "success";
        result.output = outcome->value;
        if (outcome->value)
            jf_hold("the output", jf_get(descriptor, "output"), outcome->value);
        break;
    case JF_IS_WAIT:
        if (!jf_boolean(jf_get(descriptor, "waits"), false))
            jf_test_wrong(__FILE__, __LINE__, "a step that waits must say so: `.waits = true`");
        result.waits = true;
        result.state = outcome->value;
        result.until = outcome->until;
        result.events = outcome->events;
        result.event_count = outcome->event_count;
        break;
    case JF_IS_GOTO:
        result.goes_to = outcome->text;
        break;
    case JF_IS_END:
        result.ends = outcome->text;
        break;
    }
    return result;
}

static jf_result drive(const jf_step *step, const char *settings, const jf_value *state,
                       jf_wake *wake, const char *data)
{
    jf_host *host = jf_the_host();
    const jf_value *descriptor = jf_test_describe_step(step);
    jf_run run = {
        .run_id = "run-1",
        .workflow = "test",
        .step_id = "step",
        .visit = 1,
        .attempt = host->attempt,
        .trigger_json = host->trigger,
        .variables_json = host->variables,
        .contact_json = host->contact,
    };
    jf_failure failure;
    const jf_outcome *outcome = jf_drive_step(step, &run, settings, state ? jf_json(state) : NULL,
                                              wake, data, &failure);
    return outcome ? result_of(descriptor, outcome) : failed(failure);
}

jf_result jf_test_start(const jf_step *step, const char *settings)
{
    jf_the_host();
    const jf_value *schema = jf_get(jf_test_describe_step(step), "settings");
    const char *mistake = jf_breaks(schema, jf_json_of("the settings", settings));
    if (mistake)
        return failed((jf_failure){
            .class = JF_INVALID_CONFIG, .code = "schema", .message = mistake});
    return drive(step, settings, NULL, NULL, NULL);
}

static void must_wait(const jf_result *wait)
{
    if (!wait->waits)
        jf_test_wrong(__FILE__, __LINE__, "the step does not wait, so nothing can wake it");
}

jf_result jf_test_timer(const jf_step *step, const char *settings, const jf_result *wait)
{
    must_wait(wait);
    return drive(step, settings, wait->state, &(jf_wake){.timer = true}, NULL);
}

jf_result jf_test_event(const jf_step *step, const char *settings, const jf_result *wait,
                        const char *name, const char *data)
{
    must_wait(wait);
    jf_wake wake = {.id = "event-1", .name = name, .at = jf_the_host()->now};
    return drive(step, settings, wait->state, &wake, data);
}

/** A channel with these settings, valid under the connector's schema. */
static const char *channel_of(const jf_connector *connector, const char *settings)
{
    jf_the_host();
    const jf_value *descriptor = jf_test_describe_connector(connector);
    const jf_value *value = jf_json_of("the settings", settings);
    jf_hold("the settings", jf_get(descriptor, "settings"), value);
    jf_value *channel = jf_object();
    jf_set(channel, "id", "channel-1");
    jf_set(channel, "name", "test");
    jf_set(channel, "kind", connector->name);
    jf_set(channel, "settings", value);
    return jf_json(channel);
}

jf_result jf_test_check(const jf_connector *connector, const char *settings)
{
    jf_failure failure;
    const jf_value *detail =
        jf_drive_check(connector, channel_of(connector, settings), &failure);
    return detail ? (jf_result){.detail = detail} : failed(failure);
}

jf_result jf_test_connect(const jf_connector *connector, const char *settings,
                          const char *public_url)
{
    jf_failure failure;
    const jf_value *detail =
        jf_drive_connect(connector, channel_of(connector, settings), public_url, &failure);
    return detail ? (jf_result){.detail = detail} : failed(failure);
}

jf_result jf_test_send(const jf_connector *connector, const char *settings, const char *message)
{
    jf_hold("the message", jf_published("message"), jf_json_of("the message", message));
    jf_failure failure;
    const jf_receipt *receipt = jf_drive_send(connector, channel_of(connector, settings), message,
                                              "key-1", &failure);
    return receipt ? (jf_result){.receipt = receipt} : failed(failure);
}

jf_result jf_test_receive(const jf_connector *connector, const char *settings,
                          const jf_webhook *request)
{
    jf_failure failure;
    const jf_received *received =
        jf_drive_receive(connector, channel_of(connector, settings), request, &failure);
    if (!received)
        return failed(failure);
    jf_hold("the events", jf_published("inbound-events"), received->events);
    return (jf_result){
        .status = received->status,
        .headers = {received->headers, received->header_count},
        .body = received->body,
        .inbound = received->events,
    };
}
