/**
 * Messages: what the tables of message.h leave to say.
 */
#include "internal.h"

jf_content_kind jf_kind_of(const jf_content *content)
{
    static const char *const names[] = {"text",  "attachment", "quick-reply", "location",
                                        "email", "template",   "custom"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (jf_equal(content->type, names[i]))
            return 1u << i;
    return 0;
}

const char *jf_recipient(const jf_message *message)
{
    if (message->to.count == 1)
        return message->to.items[0];
    return jf_fail(jf_not_sent(JF_UNSUPPORTED,
                               "a message on this channel goes to one recipient, not to %zu",
                               message->to.count));
}

/** Zero is left out of a struct as it is written, but on the equator it must stand there. */
static void complete(jf_value *message, const jf_content *content)
{
    if (!content)
        return;
    jf_value *value = jf_write(jf_content_type, content);
    if (jf_kind_of(content) == JF_LOCATION) {
        jf_set(value, "latitude", content->latitude);
        jf_set(value, "longitude", content->longitude);
    }
    jf_set(message, "content", value);
}

jf_value *jf_outgoing_value(const jf_outgoing *message)
{
    jf_value *value = jf_write(jf_outgoing_type, message);
    complete(value, message->content);
    return value;
}

jf_value *jf_inbound_value(const jf_inbound *inbound)
{
    jf_value *value = jf_write(jf_inbound_type, inbound);
    complete(value, inbound->content);
    return value;
}
