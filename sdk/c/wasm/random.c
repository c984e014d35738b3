/** The import `random`. */
#include "boundary.h"

jf_bytes jf_random_bytes(uint32_t length)
{
    plugin_list_u8_t bytes;
    jackfield_plugin_random_bytes(length, &bytes);
    return JF_LIFT_BYTES(bytes);
}
