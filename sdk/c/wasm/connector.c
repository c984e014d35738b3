/**
 * The contract's `connector` on top of the author's `jf_plugin`.
 *
 * The bindings' functions that would free an answer (weak symbols, to be replaced) give way to ones
 * that are not exported, so that the host calls none: the sandbox is thrown away, and an answer may
 * be a constant.
 */
#include "boundary.h"

extern const jf_connector jf_plugin;

#define KEEP(function)                                                                             \
    void __wasm_export_exports_jackfield_plugin_connector_##function##_post_return(uint8_t *answer);  \
    void __wasm_export_exports_jackfield_plugin_connector_##function##_post_return(uint8_t *answer)   \
    {                                                                                              \
        (void)answer;                                                                              \
    }
KEEP(describe)
KEEP(check)
KEEP(connect)
KEEP(send)
KEEP(receive)

void exports_jackfield_plugin_connector_describe(plugin_string_t *descriptor)
{
    *descriptor = jf_lower(jf_describe_connector(&jf_plugin));
}

bool exports_jackfield_plugin_connector_check(plugin_string_t *channel, plugin_string_t *into,
                                              exports_jackfield_plugin_connector_failure_t *why)
{
    jf_failure failure;
    const jf_value *detail = jf_drive_check(&jf_plugin, jf_lift(*channel), &failure);
    if (detail)
        *into = jf_lower_json(detail);
    else
        jf_lower_failure(&failure, why);
    return detail;
}

bool exports_jackfield_plugin_connector_connect(plugin_string_t *channel,
                                                plugin_string_t *public_url, plugin_string_t *into,
                                                exports_jackfield_plugin_connector_failure_t *why)
{
    jf_failure failure;
    const jf_value *connected =
        jf_drive_connect(&jf_plugin, jf_lift(*channel), jf_lift(*public_url), &failure);
    if (connected)
        *into = jf_lower_json(connected);
    else
        jf_lower_failure(&failure, why);
    return connected;
}

bool exports_jackfield_plugin_connector_send(plugin_string_t *channel, plugin_string_t *message,
                                             plugin_string_t *key,
                                             exports_jackfield_plugin_connector_receipt_t *into,
                                             exports_jackfield_plugin_connector_failure_t *why)
{
    jf_failure failure;
    const jf_receipt *receipt = jf_drive_send(&jf_plugin, jf_lift(*channel), jf_lift(*message),
                                              jf_lift(*key), &failure);
    if (!receipt) {
        jf_lower_failure(&failure, why);
        return false;
    }
    into->provider_id = jf_lower(receipt->provider_id);
    into->status = jf_lower(receipt->status ? receipt->status : "accepted");
    into->detail.is_some = receipt->detail != NULL;
    into->detail.val = jf_lower_json(receipt->detail);
    return true;
}

bool exports_jackfield_plugin_connector_receive(plugin_string_t *channel,
                                                exports_jackfield_plugin_connector_request_t *from,
                                                exports_jackfield_plugin_connector_received_t *into,
                                                exports_jackfield_plugin_connector_failure_t *why)
{
    jf_webhook request = {
        .method = jf_lift(from->method),
        .url = jf_lift(from->url),
        .body = JF_LIFT_BYTES(from->body),
    };
    JF_LIFT_HEADERS(&request.headers, from->headers);
    jf_failure failure;
    const jf_received *received =
        jf_drive_receive(&jf_plugin, jf_lift(*channel), &request, &failure);
    if (!received) {
        jf_lower_failure(&failure, why);
        return false;
    }
    into->status = received->status;
    JF_LOWER_HEADERS(&into->headers, received->headers, received->header_count);
    into->body.ptr = (uint8_t *)received->body.data;
    into->body.len = received->body.size;
    into->events = jf_lower_json(received->events);
    return true;
}
