/**
 * The imports in a unit test that are about the run's contact: its fields and tags, its
 * conversation, its lists, and the workflows that are started for it.
 *
 * The contact and the conversation stay JSON, as the test has given them; a change writes them anew.
 */
#include "internal.h"

#include <string.h>
#include <time.h>

/** What needs a contact is refused without one. */
static bool some_contact(const jf_host *host)
{
    if (!jf_may_call())
        return false;
    return host->contact || jf_test_refuse("not-found", "the run has no contact");
}

/** An object with room for changes. */
static jf_value *copy_of(const jf_value *object)
{
    jf_value *copy = jf_object();
    for (size_t i = 0; i < jf_count(object); i++)
        jf_set(copy, jf_name_at(object, i), jf_at(object, i));
    return copy;
}

static size_t characters(const char *text)
{
    size_t count = 0;
    for (; text && *text; text++)
        count += (*text & 0xC0) != 0x80;
    return count;
}

/* contacts */

const jf_value *jf_contacts_get(void)
{
    jf_host *host = jf_the_host();
    return host->contact ? jf_json_of("the contact", host->contact) : NULL;
}

const jf_value *jf_contacts_update(const char *field, jf_operation operation, const jf_value *value)
{
    jf_host *host = jf_the_host();
    if (!some_contact(host))
        return NULL;
    size_t index = jf_room(&host->update_count);
    host->updates[index].field = field;
    host->updates[index].operation = operation;
    host->updates[index].value = value;
    return host->update ? host->update(field, operation, value) : jf_of_value(value);
}

static bool has(const jf_value *tags, const char *tag)
{
    for (size_t i = 0; i < jf_count(tags); i++)
        if (jf_equal(jf_text(jf_at(tags, i), NULL), tag))
            return true;
    return false;
}

static bool among(jf_texts texts, const char *text)
{
    for (size_t i = 0; i < texts.count; i++)
        if (jf_equal(texts.items[i], text))
            return true;
    return false;
}

/** Takes tags off the contact and puts others on it; what was new. */
static const jf_value *change_tags(jf_host *host, jf_texts add, jf_texts remove)
{
    jf_value *contact = copy_of(jf_json_of("the contact", host->contact));
    const jf_value *before = jf_get(contact, "tags");
    jf_value *tags = jf_list(), *added = jf_list(), *removed = jf_list();
    for (size_t i = 0; i < jf_count(before); i++)
        if (!among(remove, jf_text(jf_at(before, i), NULL)))
            jf_add(tags, jf_at(before, i));
    for (size_t i = 0; i < remove.count; i++)
        if (has(before, remove.items[i]) && !has(removed, remove.items[i]))
            jf_add(removed, remove.items[i]);
    for (size_t i = 0; i < add.count; i++) {
        if (!has(tags, add.items[i])) {
            jf_add(tags, add.items[i]);
            jf_add(added, add.items[i]);
        }
    }
    if (jf_count(added) + jf_count(removed)) {
        jf_set(contact, "tags", tags);
        host->contact = jf_json(contact);
    }
    jf_value *changed = jf_object();
    jf_set(changed, "added", added);
    jf_set(changed, "removed", removed);
    return changed;
}

bool jf_contacts_add_tags(jf_texts tags)
{
    jf_host *host = jf_the_host();
    if (!some_contact(host))
        return false;
    change_tags(host, tags, (jf_texts){0});
    for (size_t i = 0; i < tags.count; i++)
        host->tags[jf_room(&host->tag_count)] = jf_text_of(tags.items[i], strlen(tags.items[i]));
    return true;
}

const jf_value *jf_contacts_retag(const jf_retag *change)
{
    jf_host *host = jf_the_host();
    if (!some_contact(host))
        return NULL;
    host->retags[jf_room(&host->retag_count)] = jf_retag_value(change);
    return change_tags(host, change->add, change->remove);
}

const jf_value *jf_contacts_opt_out(const jf_opt_out *request)
{
    jf_host *host = jf_the_host();
    if (!some_contact(host))
        return NULL;
    host->opt_outs[jf_room(&host->opt_out_count)] = jf_opt_out_value(request);
    bool changed = host->opted_out == request->in;
    host->opted_out = !request->in;
    const jf_value *contact = jf_json_of("the contact", host->contact);
    jf_value *answer = jf_object();
    jf_set(answer, "address", jf_text(jf_get(contact, "phone"), ""));
    jf_set(answer, "scope", request->sender ? "sender" : "account");
    jf_set(answer, "changed", changed);
    return answer;
}

/* conversations */

/** The time now in RFC 3339. */
static const char *instant(const jf_host *host)
{
    time_t seconds = (time_t)(host->now / 1000);
    unsigned milliseconds = (unsigned)(host->now % 1000);
    char text[32];
    strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", gmtime(&seconds));
    return milliseconds ? jf_format("%s.%03uZ", text, milliseconds) : jf_format("%sZ", text);
}

static const char *state_of(const jf_value *conversation)
{
    return jf_text(jf_get(conversation, "state"), "closed");
}

const jf_value *jf_conversations_get(void)
{
    jf_host *host = jf_the_host();
    return host->conversation ? jf_json_of("the conversation", host->conversation) : NULL;
}

const jf_value *jf_conversations_open(void)
{
    jf_host *host = jf_the_host();
    if (!some_contact(host))
        return NULL;
    const jf_value *known = jf_conversations_get();
    jf_value *open;
    if (jf_equal(state_of(known), "closed")) {
        open = jf_object();
        jf_set(open, "id", jf_format("conversation-%zu", ++host->opened_count));
        jf_set(open, "state", "open");
        jf_set(open, "source", "workflow");
        jf_set(open, "opened_at", instant(host));
    } else {
        open = copy_of(known);
        jf_set(open, "state", "open");
    }
    host->conversation = jf_json(open);
    return open;
}

const jf_value *jf_conversations_close(const jf_note *note)
{
    jf_host *host = jf_the_host();
    if (!some_contact(host))
        return NULL;
    const jf_value *known = jf_conversations_get();
    if (jf_equal(state_of(known), "closed"))
        return jf_null();
    if (note && characters(note->summary) > 2000)
        return jf_test_refuse("invalid", "a summary has at most 2,000 characters");
    jf_value *closed = copy_of(known);
    jf_set(closed, "state", "closed");
    jf_set(closed, "closed_at", instant(host));
    jf_set(closed, "closed_by", "workflow");
    jf_set_some(closed, "category", note ? note->category : NULL);
    jf_set_some(closed, "summary", note ? note->summary : NULL);
    host->conversation = jf_json(closed);
    return closed;
}

const char *jf_conversations_comment(const char *text)
{
    jf_host *host = jf_the_host();
    if (!some_contact(host))
        return NULL;
    if (!text || !text[strspn(text, " \t\r\n")])
        return jf_test_refuse("invalid", "a comment has a text");
    if (characters(text) > 5000)
        return jf_test_refuse("too-large", "a comment has at most 5,000 characters");
    host->comments[jf_room(&host->comment_count)] = jf_kept(text);
    return jf_format("comment-%zu", host->comment_count);
}

const jf_value *jf_conversations_assign(const jf_assign *request)
{
    jf_host *host = jf_the_host();
    if (!some_contact(host))
        return NULL;
    const jf_value *asked = jf_assign_value(request);
    const jf_value *user = jf_get(asked, "user"), *nobody = jf_get(asked, "nobody");
    if (!!user + !!nobody + !!jf_get(asked, "team") + !!jf_get(asked, "workspace") != 1)
        return jf_test_refuse("invalid", "name one of `user`, `team`, `workspace` and `nobody`");
    host->assigned[jf_room(&host->assigned_count)] = asked;
    jf_value *answer = jf_object();
    if (user) {
        jf_value *assignee = jf_object();
        jf_set(assignee, "id", user);
        jf_set(assignee, "name", user);
        jf_set(assignee, "email", user);
        jf_set(answer, "assignee", assignee);
    } else if (nobody) {
        jf_set(answer, "assignee", jf_null());
    } else {
        size_t index = jf_room(&host->place_count);
        host->places[index] = jf_format("place-%zu", host->place_count);
        jf_set(answer, "queued", host->places[index]);
    }
    return answer;
}

bool jf_conversations_leave_queue(const char *id)
{
    jf_host *host = jf_the_host();
    if (!some_contact(host))
        return false;
    for (size_t i = 0; id && i < host->place_count; i++) {
        if (jf_equal(host->places[i], id)) {
            host->places[i] = NULL;
            return true;
        }
    }
    return false;
}

/* lists */

/** Those lists that the test or the plugin has put there: the first NULL ends them. */
static jf_texts lists_in(const char *const lists[JF_MOST])
{
    size_t count = 0;
    while (count < JF_MOST && lists[count])
        count++;
    return (jf_texts){lists, count};
}

static bool some_list(const jf_host *host, const char *list)
{
    if (!some_contact(host))
        return false;
    jf_texts lists = lists_in(host->lists);
    if (!lists.count || among(lists, list))
        return true;
    const char *there = lists.items[0];
    for (size_t i = 1; i < lists.count; i++)
        there = jf_format("%s, %s", there, lists.items[i]);
    return jf_test_refuse("not-found",
                          jf_format("there is no list `%s`; there are: %s", list, there));
}

bool jf_lists_add(const char *list)
{
    jf_host *host = jf_the_host();
    if (!some_list(host, list))
        return false;
    jf_texts on = lists_in(host->on_lists);
    if (among(on, list))
        return false;
    host->on_lists[jf_room(&on.count)] = jf_kept(list);
    return true;
}

bool jf_lists_remove(const char *list)
{
    jf_host *host = jf_the_host();
    if (!some_list(host, list))
        return false;
    jf_texts on = lists_in(host->on_lists);
    size_t kept = 0;
    for (size_t i = 0; i < on.count; i++)
        if (!jf_equal(on.items[i], list))
            host->on_lists[kept++] = on.items[i];
    for (size_t i = kept; i < on.count; i++)
        host->on_lists[i] = NULL;
    return kept < on.count;
}

/* tables */

const char *jf_tables_append(const char *table, const jf_value *row)
{
    jf_host *host = jf_the_host();
    if (!jf_may_call())
        return NULL;
    size_t index = jf_room(&host->rows_count);
    host->rows[index].table = jf_kept(table);
    host->rows[index].row = row;
    return jf_format("row-%zu", host->rows_count);
}

/* files */

bool jf_files_read(const char *name, jf_bytes *bytes)
{
    jf_host *host = jf_the_host();
    if (!jf_may_call())
        return false;
    for (size_t i = 0; i < JF_MOST && host->files[i].name; i++) {
        if (jf_equal(host->files[i].name, name)) {
            *bytes = jf_bytes_of(host->files[i].content);
            return true;
        }
    }
    return jf_test_refuse("not-found", jf_format("there is no file `%s`", name));
}

/* workflows */

const char *jf_workflows_start(const char *workflow, const jf_start *options)
{
    jf_host *host = jf_the_host();
    if (!jf_may_call())
        return NULL;
    const jf_value *asked = jf_start_value(options ? options : &(jf_start){0});
    if (host->start && !host->start(workflow, asked))
        return jf_test_refuse("not-found", jf_format("there is no workflow `%s`", workflow));
    size_t index = jf_room(&host->started_count);
    host->started[index].workflow = jf_kept(workflow);
    host->started[index].options = asked;
    return jf_format("run-%zu", host->started_count);
}
