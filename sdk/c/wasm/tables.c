/** The import `tables`. */
#include "boundary.h"

const char *jf_tables_append(const char *table, const jf_value *row)
{
    if (!jf_may_call())
        return NULL;
    plugin_string_t lowered = jf_lower(table);
    plugin_string_t json = jf_lower_json(row);
    plugin_string_t id;
    jackfield_plugin_tables_call_error_t error;
    if (jackfield_plugin_tables_append(&lowered, &json, &id, &error))
        return jf_lift(id);
    jf_lift_refusal(&error);
    return NULL;
}
