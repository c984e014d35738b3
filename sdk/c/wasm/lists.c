/** The import `lists`. */
#include "boundary.h"

bool jf_lists_add(const char *list)
{
    if (!jf_may_call())
        return false;
    plugin_string_t lowered = jf_lower(list);
    bool is_new;
    jackfield_plugin_lists_call_error_t error;
    if (!jackfield_plugin_lists_add(&lowered, &is_new, &error))
        return jf_lift_refusal(&error);
    return is_new;
}

bool jf_lists_remove(const char *list)
{
    if (!jf_may_call())
        return false;
    plugin_string_t lowered = jf_lower(list);
    bool was_on_it;
    jackfield_plugin_lists_call_error_t error;
    if (!jackfield_plugin_lists_remove(&lowered, &was_on_it, &error))
        return jf_lift_refusal(&error);
    return was_on_it;
}
