/** The import `files`. */
#include "boundary.h"

bool jf_files_read(const char *name, jf_bytes *bytes)
{
    if (!jf_may_call())
        return false;
    plugin_string_t lowered = jf_lower(name);
    plugin_list_u8_t answer;
    jackfield_plugin_files_call_error_t error;
    if (!jackfield_plugin_files_read(&lowered, &answer, &error))
        return jf_lift_refusal(&error);
    *bytes = JF_LIFT_BYTES(answer);
    return true;
}
