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

static void set_true(jf_value *object, const char *name, bool value)
{
    if (value)
        jf_set(object, name, true);
}

jf_value *jf_retag_value(const jf_retag *change)
{
    if (!change)
        return NULL;
    jf_value *value = jf_object();
    set_texts(value, "add", change->add);
    set_texts(value, "remove", change->remove);
    set_true(value, "silent", change->silent);
    return value;
}

jf_value *jf_opt_out_value(const jf_opt_out *request)
{
    if (!request)
        return NULL;
    jf_value *value = jf_object();
    jf_set(value, "scope", request->sender ? "sender" : "account");
    jf_set_some(value, "channel", request->channel);
    set_true(value, "in", request->in);
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

jf_value *jf_assign_value(const jf_assign *request)
{
    if (!request)
        return NULL;
    jf_value *value = jf_object();
    jf_set_some(value, "user", request->user);
    jf_set_some(value, "team", request->team);
    set_true(value, "workspace", request->workspace);
    set_true(value, "nobody", request->nobody);
    jf_set_some(value, "by", request->by);
    set_true(value, "only-online", request->only_online);
    set_true(value, "not-on-call", request->not_on_call);
    if (request->fewer_than)
        jf_set(value, "fewer-than", request->fewer_than);
    if (request->priority)
        jf_set(value, "priority", request->priority);
    jf_set_some(value, "service-level", request->service_level);
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
