/**
 * Settings: the struct that a plugin declares, or the failure that names the setting.
 */
#include "internal.h"

const void *jf_settings(const jf_type *(*type)(void), const jf_value *value)
{
    jf_mistake mistake;
    void *settings = jf_alloc(type()->size);
    if (jf_read(type, value, settings, &mistake))
        return settings;
    return jf_fail(jf_invalid_config(*mistake.place ? mistake.place : "(all)", "%s",
                                     mistake.reason));
}
