/** The import `workflows`. */
#include "boundary.h"

const char *jf_workflows_start(const char *workflow, const jf_start *options)
{
    if (!jf_may_call())
        return NULL;
    plugin_string_t lowered = jf_lower(workflow);
    plugin_string_t json = jf_lower_json(jf_start_value(options ? options : &(jf_start){0}));
    plugin_string_t id;
    jackfield_plugin_workflows_call_error_t error;
    if (jackfield_plugin_workflows_start(&lowered, &json, &id, &error))
        return jf_lift(id);
    jf_lift_refusal(&error);
    return NULL;
}
