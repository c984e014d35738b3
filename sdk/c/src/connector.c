/**
 * Connectors: how their answers are put together, and how one is driven, from JSON in to an answer
 * out.
 */
#include "internal.h"

#include <string.h>

jf_connected *jf_registered(const char *instructions)
{
    jf_connected *made = jf_by_hand(instructions);
    made->registered = true;
    return made;
}

jf_connected *jf_by_hand(const char *instructions)
{
    jf_connected *made = jf_alloc(sizeof *made);
    made->instructions = jf_kept(instructions);
    return made;
}

jf_receipt *jf_accepted(const char *provider_id)
{
    jf_receipt *made = jf_alloc(sizeof *made);
    made->provider_id = jf_kept(provider_id);
    return made;
}

const char *jf_query(const char *url)
{
    const char *start = strchr(url, '?');
    const char *fragment = strchr(url, '#');
    if (!start || (fragment && fragment < start))
        return "";
    start++;
    return fragment ? jf_text_of(start, (size_t)(fragment - start)) : start;
}

jf_received *jf_answer(uint16_t status)
{
    jf_received *made = jf_alloc(sizeof *made);
    made->status = status;
    made->events = jf_list();
    return made;
}

jf_received *jf_refused(const char *reason)
{
    jf_value *error = jf_object(), *body = jf_object();
    jf_set(error, "message", reason);
    jf_set(body, "error", error);
    jf_received *made = jf_answer(403);
    jf_answer_body(made, "application/json", jf_bytes_of(jf_json(body)));
    return made;
}

void jf_answer_header(jf_received *received, const char *name, const char *value)
{
    jf_header *headers = jf_alloc((received->header_count + 1) * sizeof *headers);
    if (received->header_count)
        memcpy(headers, received->headers, received->header_count * sizeof *headers);
    headers[received->header_count++] = (jf_header){jf_kept(name), jf_kept(value)};
    received->headers = headers;
}

void jf_answer_body(jf_received *received, const char *content_type, jf_bytes body)
{
    jf_answer_header(received, "content-type", content_type);
    received->body = body;
}

void jf_heard(jf_received *received, jf_inbound inbound)
{
    jf_add(received->events, jf_inbound_value(&inbound));
}

/** Reads a channel; false, and a failure, where it is none. */
static bool channel_of(const jf_connector *connector, const char *json, jf_channel *channel)
{
    const jf_value *value = jf_from_host("the channel", json);
    if (!value)
        return false;
    *channel = (jf_channel){
        .id = jf_text(jf_get(value, "id"), ""),
        .name = jf_text(jf_get(value, "name"), ""),
        .kind = jf_text(jf_get(value, "kind"), ""),
        .settings = connector->settings
                        ? jf_settings(connector->settings, jf_get(value, "settings"))
                        : "",
    };
    return channel->settings;
}

const jf_value *jf_drive_check(const jf_connector *connector, const char *channel_json,
                               jf_failure *failure)
{
    jf_begin();
    jf_channel channel;
    const jf_value *answer =
        channel_of(connector, channel_json, &channel) ? connector->check(&channel) : NULL;
    return jf_has_failed(answer, failure) ? NULL : answer;
}

static const jf_connected *connect(const jf_connector *connector, const char *channel_json,
                                   const char *public_url)
{
    jf_channel channel;
    if (!channel_of(connector, channel_json, &channel))
        return NULL;
    if (!connector->connect)
        return jf_by_hand(
            "Nothing comes in through this channel, so there is nothing to register.");
    return connector->connect(&channel, public_url);
}

const jf_value *jf_drive_connect(const jf_connector *connector, const char *channel_json,
                                 const char *public_url, jf_failure *failure)
{
    jf_begin();
    const jf_connected *connected = connect(connector, channel_json, public_url);
    if (jf_has_failed(connected, failure))
        return NULL;
    jf_value *answer = jf_object();
    jf_set(answer, "registered", connected->registered);
    jf_set(answer, "instructions", connected->instructions);
    return answer;
}

static const jf_receipt *send(const jf_connector *connector, const char *channel_json,
                              const char *message_json, const char *key)
{
    jf_channel channel;
    if (!channel_of(connector, channel_json, &channel))
        return NULL;
    const jf_value *value = jf_from_host("the message", message_json);
    jf_message message;
    jf_mistake mistake;
    if (!value)
        return NULL;
    if (!jf_read(jf_message_type, value, &message, &mistake))
        return jf_fail(jf_permanent("contract", "the message from the host cannot be read: `%s`: %s",
                                    mistake.place, mistake.reason));
    return connector->send(&channel, &message, key);
}

const jf_receipt *jf_drive_send(const jf_connector *connector, const char *channel_json,
                                const char *message_json, const char *key, jf_failure *failure)
{
    jf_begin();
    const jf_receipt *receipt = send(connector, channel_json, message_json, key);
    return jf_has_failed(receipt, failure) ? NULL : receipt;
}

static const jf_received *receive(const jf_connector *connector, const char *channel_json,
                                  const jf_webhook *request)
{
    jf_channel channel;
    if (!channel_of(connector, channel_json, &channel))
        return NULL;
    if (connector->receive)
        return connector->receive(&channel, request);
    jf_received *nothing = jf_answer(404);
    jf_answer_body(nothing, "text/plain; charset=utf-8",
                   jf_bytes_of("Nothing comes in through this channel."));
    return nothing;
}

const jf_received *jf_drive_receive(const jf_connector *connector, const char *channel_json,
                                    const jf_webhook *request, jf_failure *failure)
{
    jf_begin();
    const jf_received *received = receive(connector, channel_json, request);
    return jf_has_failed(received, failure) ? NULL : received;
}
