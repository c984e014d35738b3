/** The import `conditions`. */
#include "boundary.h"

bool jf_conditions_evaluate(const jf_value *condition)
{
    if (!jf_may_call())
        return false;
    plugin_string_t lowered = jf_lower_json(condition);
    bool holds;
    jackfield_plugin_conditions_call_error_t error;
    if (!jackfield_plugin_conditions_evaluate(&lowered, &holds, &error))
        return jf_lift_refusal(&error);
    return holds;
}
