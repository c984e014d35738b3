/**
 * Templates: what the host answers, as a struct.
 */
#include "internal.h"

const jf_rendered *jf_rendered_of(const jf_value *answer)
{
    if (!answer)
        return NULL;
    jf_rendered *rendered = jf_alloc(sizeof *rendered);
    rendered->subject = jf_text(jf_get(answer, "subject"), NULL);
    rendered->html = jf_text(jf_get(answer, "html"), "");
    rendered->text = jf_text(jf_get(answer, "text"), "");
    return rendered;
}
