/** The import `clock`. */
#include "boundary.h"

uint64_t jf_clock_now(void)
{
    return jackfield_plugin_clock_now();
}

bool jf_clock_parse(const char *text, uint64_t *timestamp)
{
    plugin_string_t lowered = jf_lower(text);
    jackfield_plugin_clock_call_error_t error;
    return jf_may_call() && (jackfield_plugin_clock_parse(&lowered, timestamp, &error) ||
                             jf_lift_refusal(&error));
}

bool jf_clock_duration(const char *text, uint64_t *milliseconds)
{
    plugin_string_t lowered = jf_lower(text);
    jackfield_plugin_clock_call_error_t error;
    return jf_may_call() && (jackfield_plugin_clock_duration(&lowered, milliseconds, &error) ||
                             jf_lift_refusal(&error));
}

bool jf_clock_next_open(const jf_value *hours, uint64_t after, uint64_t *timestamp)
{
    plugin_string_t lowered = jf_lower_json(hours);
    jackfield_plugin_clock_call_error_t error;
    return jf_may_call() &&
           (jackfield_plugin_clock_next_open(&lowered, after, timestamp, &error) ||
            jf_lift_refusal(&error));
}
