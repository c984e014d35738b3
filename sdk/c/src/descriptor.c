/**
 * What a plugin says of itself, as JSON under `wit/schemas`.
 */
#include "internal.h"

/** The words of a set of flags, in the order of their bits. */
static jf_value *words(unsigned flags, const char *const *names, size_t count)
{
    jf_value *list = jf_list();
    for (size_t i = 0; i < count; i++)
        if (flags & 1u << i)
            jf_add(list, names[i]);
    return list;
}
#define WORDS(flags, names) words(flags, names, sizeof(names) / sizeof *(names))

static jf_value *texts(const char *const *items, size_t most)
{
    jf_value *list = jf_list();
    for (size_t i = 0; i < most && items[i]; i++)
        jf_add(list, items[i]);
    return list;
}

static jf_value *secrets_of(const jf_secret *secrets)
{
    static const char *const places[] = {"header", "basic-auth", "query", "path",
                                         "body",   "smtp-auth",  "hmac", "sign"};
    jf_value *list = jf_list();
    for (size_t i = 0; i < JF_SECRETS && secrets[i].name; i++) {
        const jf_secret *secret = &secrets[i];
        jf_value *object = jf_object();
        jf_set(object, "name", secret->name);
        jf_set(object, "title", secret->title);
        jf_set_some(object, "summary", secret->summary);
        if (secret->optional)
            jf_set(object, "optional", secret->optional);
        jf_value *hosts = texts(secret->hosts, sizeof secret->hosts / sizeof *secret->hosts);
        if (jf_count(hosts))
            jf_set(object, "hosts", hosts);
        jf_set(object, "places", WORDS(secret->places, places));
        jf_add(list, object);
    }
    return list;
}

static void set_positive(jf_value *object, const char *name, uint64_t number)
{
    if (number)
        jf_set(object, name, number);
}

static void set_limits(jf_value *descriptor, const jf_limits *limits)
{
    jf_value *object = jf_object();
    set_positive(object, "fuel", limits->fuel);
    set_positive(object, "memory", limits->memory);
    set_positive(object, "table-elements", limits->table_elements);
    set_positive(object, "deadline-ms", limits->deadline_ms);
    set_positive(object, "bytes-in", limits->bytes_in);
    set_positive(object, "bytes-out", limits->bytes_out);
    set_positive(object, "host-calls", limits->host_calls);
    set_positive(object, "log-lines", limits->log_lines);
    set_positive(object, "log-bytes", limits->log_bytes);
    set_positive(object, "output", limits->output);
    if (jf_count(object))
        jf_set(descriptor, "limits", object);
}

/** Of a plugin without settings. */
static const jf_type *no_settings(void)
{
    static const jf_type none = {.count = 0};
    return &none;
}

/** What steps and connectors have alike. */
static jf_value *common(const char *name, const char *version, const char *title,
                        const char *summary, const char *icon, const jf_type *(*settings)(void),
                        const jf_limits *limits)
{
    jf_value *object = jf_object();
    jf_set(object, "name", name);
    jf_set(object, "version", version);
    jf_set(object, "title", title);
    jf_set(object, "summary", summary);
    jf_set_some(object, "icon", icon);
    jf_set(object, "settings", jf_schema(settings ? settings : no_settings));
    set_limits(object, limits);
    return object;
}

static jf_value *branches_of(const jf_step *step)
{
    jf_value *list = jf_list();
    size_t most = sizeof step->branches / sizeof *step->branches;
    for (size_t i = 0; i < most && step->branches[i].name; i++) {
        jf_value *branch = jf_object();
        jf_set(branch, "name", step->branches[i].name);
        jf_set_some(branch, "title", step->branches[i].title);
        jf_set_some(branch, "otherwise", step->branches[i].otherwise);
        jf_add(list, branch);
    }
    return list;
}

static jf_value *failures_of(const jf_step *step)
{
    jf_value *list = jf_list();
    size_t most = sizeof step->failures / sizeof *step->failures;
    for (size_t i = 0; i < most && step->failures[i].code; i++) {
        jf_value *failure = jf_object();
        jf_set(failure, "code", step->failures[i].code);
        jf_set_some(failure, "title", step->failures[i].title);
        jf_add(list, failure);
    }
    return list;
}

const char *jf_describe_step(const jf_step *step)
{
    static const char *const categories[] = {"other",         "messages", "contacts",
                                             "conversations", "logic",    "integrations"};
    jf_value *object = common(step->name, step->version, step->title, step->summary, step->icon,
                              step->settings, &step->limits);
    jf_set(object, "category", categories[step->category]);
    jf_value *output = step->output ? jf_schema(step->output) : jf_object();
    jf_set(output, "type", "object");
    jf_set(object, "output", output);
    jf_value *branches = branches_of(step);
    if (jf_count(branches))
        jf_set(object, "branches", branches);
    jf_set_some(object, "branches-from", step->branches_from);
    jf_value *failures = failures_of(step);
    if (jf_count(failures))
        jf_set(object, "failures", failures);
    jf_set(object, "waits", step->waits);
    if (step->bounds_loops)
        jf_set(object, "bounds-loops", step->bounds_loops);
    jf_value *hosts = texts(step->hosts, JF_HOSTS);
    if (jf_count(hosts))
        jf_set(object, "hosts", hosts);
    jf_value *secrets = secrets_of(step->secrets);
    if (jf_count(secrets))
        jf_set(object, "secrets", secrets);
    return jf_json(object);
}

static jf_value *media_of(const jf_connector *connector)
{
    jf_value *media = jf_object();
    set_positive(media, "max-bytes", connector->media.max_bytes);
    set_positive(media, "max-count", connector->media.max_count);
    jf_value *types = texts(connector->media.types,
                            sizeof connector->media.types / sizeof *connector->media.types);
    if (jf_count(types))
        jf_set(media, "types", types);
    return media;
}

const char *jf_describe_connector(const jf_connector *connector)
{
    static const char *const addresses[] = {"phone", "email", "id"};
    static const char *const units[] = {"characters", "bytes", "utf16"};
    static const char *const kinds[] = {"text",  "attachment", "quick-reply", "location",
                                        "email", "template",   "custom"};
    static const char *const statuses[] = {"sent", "delivered", "read", "failed"};
    jf_value *object =
        common(connector->name, connector->version, connector->title, connector->summary,
               connector->icon, connector->settings, &connector->limits);
    jf_set(object, "secrets", secrets_of(connector->secrets));
    jf_set(object, "hosts", texts(connector->hosts, JF_HOSTS));
    jf_set(object, "address", addresses[connector->address]);
    jf_set_some(object, "address-from", connector->address_from);
    jf_set(object, "message-types", WORDS(connector->message_types, kinds));
    if (connector->text_limit.max) {
        jf_value *limit = jf_object();
        jf_set(limit, "max", connector->text_limit.max);
        jf_set(limit, "unit", units[connector->text_limit.unit]);
        jf_set(object, "text-limit", limit);
    }
    jf_value *media = media_of(connector);
    if (jf_count(media))
        jf_set(object, "media", media);
    set_positive(object, "window", connector->window);
    jf_set(object, "templates", connector->templates);
    if (connector->quick_replies.max) {
        jf_value *replies = jf_object();
        jf_set(replies, "max", connector->quick_replies.max);
        jf_set(replies, "title-max", connector->quick_replies.title_max);
        jf_set(object, "quick-replies", replies);
    }
    jf_set(object, "idempotency", connector->idempotency);
    jf_set(object, "statuses", WORDS(connector->statuses, statuses));
    if (connector->rate > 0)
        jf_set(object, "rate", connector->rate);
    jf_set(object, "inbound", connector->inbound);
    jf_set(object, "keywords", connector->keywords);
    return jf_json(object);
}
