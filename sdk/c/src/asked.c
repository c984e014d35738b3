/**
 * What some imports are asked, as JSON. What is left out of a struct is left out there.
 */
#include "internal.h"

static void set_texts(jf_value *object, const char *name, jf_texts texts)
{
    if (!texts.count)
        return;
    jf_value *list = jf_list();
    for (size_t i = 0; i < texts.count; i++)
        jf_add(list, texts.items[i]);
    jf_set(object, name, list);
}

jf_value *jf_retag_value(const jf_retag *change)
{
    if (!change)
        return NULL;
    jf_value *value = jf_object();
    set_texts(value, "add", change->add);
    set_texts(value, "remove", change->remove);
    if (change->silent)
        jf_set(value, "silent", true);
    return value;
}

jf_value *jf_note_value(const jf_note *note)
{
    if (!note)
        return NULL;
    jf_value *value = jf_object();
    jf_set_some(value, "category", note->category);
    jf_set_some(value, "summary", note->summary);
    return value;
}

jf_value *jf_start_value(const jf_start *options)
{
    if (!options)
        return NULL;
    jf_value *value = jf_object();
    jf_set_some(value, "from", options->from);
    if (options->variables)
        jf_set(value, "variables", options->variables);
    if (options->data)
        jf_set(value, "data", options->data);
    return value;
}
