/** The import `templates`. */
#include "boundary.h"

const jf_rendered *jf_templates_render(const char *name, const jf_value *values)
{
    if (!jf_may_call())
        return NULL;
    plugin_string_t lowered = jf_lower(name);
    plugin_string_t json = jf_lower_json(values);
    plugin_string_t answer;
    jackfield_plugin_templates_call_error_t error;
    if (!jackfield_plugin_templates_render(&lowered, values ? &json : NULL, &answer, &error)) {
        jf_lift_refusal(&error);
        return NULL;
    }
    return jf_rendered_of(jf_answered(jf_lift(answer)));
}
