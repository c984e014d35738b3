/** The import `contacts`. */
#include "boundary.h"

const jf_value *jf_contacts_get(void)
{
    plugin_string_t answer;
    return jackfield_plugin_contacts_get(&answer) ? jf_answered(jf_lift(answer)) : NULL;
}

const jf_value *jf_contacts_update(const char *field, jf_operation operation, const jf_value *value)
{
    if (!jf_may_call())
        return NULL;
    plugin_string_t lowered = jf_lower(field);
    plugin_string_t json = jf_lower_json(value);
    plugin_string_t answer;
    jackfield_plugin_contacts_call_error_t error;
    if (jackfield_plugin_contacts_update(&lowered,
                                         (jackfield_plugin_contacts_operation_t)operation, &json,
                                         &answer, &error))
        return jf_answered(jf_lift(answer));
    jf_lift_refusal(&error);
    return NULL;
}

bool jf_contacts_add_tags(jf_texts tags)
{
    if (!jf_may_call())
        return false;
    plugin_list_string_t lowered;
    JF_LOWER_TEXTS(&lowered, tags);
    jackfield_plugin_contacts_call_error_t error;
    return jackfield_plugin_contacts_add_tags(&lowered, &error) || jf_lift_refusal(&error);
}

const jf_value *jf_contacts_retag(const jf_retag *change)
{
    if (!jf_may_call())
        return NULL;
    plugin_string_t json = jf_lower_json(jf_retag_value(change));
    plugin_string_t answer;
    jackfield_plugin_contacts_call_error_t error;
    if (jackfield_plugin_contacts_retag(&json, &answer, &error))
        return jf_answered(jf_lift(answer));
    jf_lift_refusal(&error);
    return NULL;
}

const jf_value *jf_contacts_opt_out(const jf_opt_out *request)
{
    if (!jf_may_call())
        return NULL;
    plugin_string_t json = jf_lower_json(jf_opt_out_value(request));
    plugin_string_t answer;
    jackfield_plugin_contacts_call_error_t error;
    if (jackfield_plugin_contacts_opt_out(&json, &answer, &error))
        return jf_answered(jf_lift(answer));
    jf_lift_refusal(&error);
    return NULL;
}
