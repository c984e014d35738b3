/** The import `variables`. */
#include "boundary.h"

const jf_value *jf_variables_get(const char *path)
{
    plugin_string_t lowered = jf_lower(path);
    plugin_string_t answer;
    if (!jackfield_plugin_variables_get(&lowered, &answer))
        return NULL;
    return jf_answered(jf_lift(answer));
}

bool jf_variables_set(const char *name, const jf_value *value)
{
    plugin_string_t lowered = jf_lower(name);
    plugin_string_t json = jf_lower_json(value);
    jackfield_plugin_variables_call_error_t error;
    return jf_may_call() && (jackfield_plugin_variables_set(&lowered, &json, &error) ||
                             jf_lift_refusal(&error));
}
