/** The import `messages`. */
#include "boundary.h"

const jf_value *jf_messages_channel(const char *name)
{
    if (!jf_may_call())
        return NULL;
    plugin_string_t lowered = jf_lower(name);
    plugin_string_t answer;
    jackfield_plugin_messages_call_error_t error;
    if (jackfield_plugin_messages_channel(&lowered, &answer, &error))
        return jf_answered(jf_lift(answer));
    jf_lift_refusal(&error);
    return NULL;
}

const char *jf_messages_send(const jf_outgoing *message)
{
    if (!jf_may_call())
        return NULL;
    plugin_string_t json = jf_lower_json(jf_outgoing_value(message));
    plugin_string_t id;
    jackfield_plugin_messages_call_error_t error;
    if (jackfield_plugin_messages_send(&json, &id, &error))
        return jf_lift(id);
    jf_lift_refusal(&error);
    return NULL;
}
