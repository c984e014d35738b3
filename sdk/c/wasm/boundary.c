/** Texts, JSON and failures over the boundary. */
#include "boundary.h"

#include <string.h>

plugin_string_t jf_lower(const char *text)
{
    if (!text)
        text = "";
    size_t length = strlen(text);
    if (!jf_is_text(text, length)) {
        text = jf_text_of(text, length);
        length = strlen(text);
    }
    return (plugin_string_t){(uint8_t *)text, length};
}

plugin_option_string_t jf_lower_some(const char *text)
{
    return (plugin_option_string_t){.is_some = text != NULL, .val = jf_lower(text)};
}

const char *jf_lift(plugin_string_t text)
{
    if (!text.len)
        return "";
    if (memchr(text.ptr, 0, text.len))
        return jf_text_of((const char *)text.ptr, text.len);
    return (const char *)text.ptr; /* `cabi_realloc` has left a zero after it */
}

plugin_string_t jf_lower_json(const jf_value *value)
{
    const char *json = jf_json(value); /* which is UTF-8 */
    return (plugin_string_t){(uint8_t *)json, strlen(json)};
}

void jf_lower_failure(const jf_failure *failure, jackfield_plugin_types_failure_t *into)
{
    *into = (jackfield_plugin_types_failure_t){
        .class_ = (jackfield_plugin_types_failure_class_t)failure->class,
        .code = jf_lower(failure->code),
        .message = jf_lower(failure->message),
        .retry_after = {.is_some = failure->retry_after > 0, .val = failure->retry_after},
        .maybe_sent = failure->maybe_sent,
    };
}

bool jf_lift_refusal(const jackfield_plugin_types_call_error_t *error)
{
    jf_refuse((jf_call_error){
        .code = jf_lift(error->code),
        .message = jf_lift(error->message),
        .grant = error->grant.is_some ? jf_lift(error->grant.val) : NULL,
        .transient = error->transient,
        .maybe_sent = error->maybe_sent,
        .detail = error->detail.is_some ? jf_parse(jf_lift(error->detail.val), NULL) : NULL,
    });
    return false;
}
