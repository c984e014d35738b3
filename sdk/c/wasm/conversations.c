/** The import `conversations`. */
#include "boundary.h"

const jf_value *jf_conversations_get(void)
{
    plugin_string_t answer;
    return jackfield_plugin_conversations_get(&answer) ? jf_answered(jf_lift(answer)) : NULL;
}

const jf_value *jf_conversations_open(void)
{
    if (!jf_may_call())
        return NULL;
    plugin_string_t answer;
    jackfield_plugin_conversations_call_error_t error;
    if (jackfield_plugin_conversations_open(&answer, &error))
        return jf_answered(jf_lift(answer));
    jf_lift_refusal(&error);
    return NULL;
}

const jf_value *jf_conversations_close(const jf_note *note)
{
    if (!jf_may_call())
        return NULL;
    plugin_string_t json = jf_lower_json(jf_note_value(note));
    plugin_string_t answer;
    jackfield_plugin_conversations_call_error_t error;
    if (jackfield_plugin_conversations_close(note ? &json : NULL, &answer, &error))
        return jf_answered(jf_lift(answer));
    jf_lift_refusal(&error);
    return NULL;
}

const char *jf_conversations_comment(const char *text)
{
    if (!jf_may_call())
        return NULL;
    plugin_string_t lowered = jf_lower(text);
    plugin_string_t id;
    jackfield_plugin_conversations_call_error_t error;
    if (jackfield_plugin_conversations_comment(&lowered, &id, &error))
        return jf_lift(id);
    jf_lift_refusal(&error);
    return NULL;
}

const jf_value *jf_conversations_assign(const jf_assign *request)
{
    if (!jf_may_call())
        return NULL;
    plugin_string_t json = jf_lower_json(jf_assign_value(request));
    plugin_string_t answer;
    jackfield_plugin_conversations_call_error_t error;
    if (jackfield_plugin_conversations_assign(&json, &answer, &error))
        return jf_answered(jf_lift(answer));
    jf_lift_refusal(&error);
    return NULL;
}

bool jf_conversations_leave_queue(const char *id)
{
    if (!jf_may_call())
        return false;
    plugin_string_t lowered = jf_lower(id);
    bool was_waiting;
    jackfield_plugin_conversations_call_error_t error;
    if (!jackfield_plugin_conversations_leave_queue(&lowered, &was_waiting, &error))
        return jf_lift_refusal(&error);
    return was_waiting;
}
