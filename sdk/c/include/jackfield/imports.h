/**
 * The contract's imports as functions, named `jf_INTERFACE_FUNCTION`.
 *
 * A plugin may call those whose interfaces stand in `needs` of its jackfield.toml; the build says
 * so where one is missing. What a function is, its errors and its effect class stand in
 * `wit/imports.wit`. A refused call answers NULL, false or 0 and marks the activation as failed
 * until `jf_caught` takes the refusal (failure.h).
 */
#ifndef JACKFIELD_IMPORTS_H
#define JACKFIELD_IMPORTS_H

#include "failure.h"
#include "memory.h"
#include "message.h"

/** A name and a value. */
typedef struct jf_header {
    const char *name;
    const char *value;
} jf_header;

/** Several. */
typedef struct jf_headers {
    const jf_header *items;
    size_t count;
} jf_headers;

/** The first value of a header, its name in any case; NULL where there is none. */
const char *jf_header_of(jf_headers headers, const char *name);

/* log: lines for the run's timeline and the operator's log. */
void jf_log_debug(const char *format, ...) __attribute__((format(printf, 1, 2)));
void jf_log_info(const char *format, ...) __attribute__((format(printf, 1, 2)));
void jf_log_warn(const char *format, ...) __attribute__((format(printf, 1, 2)));
void jf_log_error(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* clock: the run's own. Times are milliseconds since 1970-01-01T00:00:00Z. */

/** The time now. */
uint64_t jf_clock_now(void);
/** The instant of a date and time as people write it. */
bool jf_clock_parse(const char *text, uint64_t *timestamp);
/** The length in milliseconds of a duration such as `15m` or `1d12h`. */
bool jf_clock_duration(const char *text, uint64_t *milliseconds);
/** The first instant, not before `after`, at which these business hours are open. */
bool jf_clock_next_open(const jf_value *hours, uint64_t after, uint64_t *timestamp);

/** random: so many bytes, at most 1,024. */
jf_bytes jf_random_bytes(uint32_t length);

/* http: requests to the outside, under the plugin's grant. */

/** The most headers that a request has room for. */
#define JF_HEADERS 24
/** `max_redirects` of a request that follows none. */
#define JF_NO_REDIRECTS (-1)

/** A request. `{{secret:NAME}}` may stand in header values, credentials, path, query and body. */
typedef struct jf_request {
    /** NULL: `GET`, or `POST` where there is a body. */
    const char *method;
    const char *url;
    jf_header headers[JF_HEADERS];
    /** HTTP Basic, where there is a user name. */
    struct {
        const char *username;
        const char *password;
    } basic_auth;
    /** At most one body: bytes, a text, JSON, or an object of texts that is sent as a form. The
     *  last two name their content type, unless the headers do. */
    jf_bytes body;
    const char *text;
    const jf_value *json;
    const jf_value *form;
    /** Milliseconds for the whole exchange; 0 is 10,000, at most 120,000. */
    uint32_t timeout;
    /** How many redirects to follow; 0 is 3, `JF_NO_REDIRECTS` none. */
    int max_redirects;
    /** The receiver honours an idempotency key in this header: the host puts it there. */
    const char *idempotency_header;
} jf_request;

/** An answer of any status. */
typedef struct jf_response {
    uint16_t status;
    jf_headers headers;
    jf_bytes body;
    /** After redirects. */
    const char *url;
} jf_response;

/** Does a request; NULL means that there is no answer. */
const jf_response *jf_http_fetch(const jf_request *request);

/** 200 to 299. */
bool jf_is_success(const jf_response *response);
/** The body as JSON; NULL where it is none. */
const jf_value *jf_response_json(const jf_response *response);
/** The wait that `Retry-After` asks for, in milliseconds from `now`: seconds, or a date as RFC 9110
 *  wants it (5.6.7); 0 where there is none. */
uint64_t jf_retry_after(const jf_response *response, uint64_t now);
/** An object of texts as `application/x-www-form-urlencoded`, and back; of several values with one
 *  name the last. */
const char *jf_form(const jf_value *object);
const jf_value *jf_form_read(const char *form);

/* email: mail over SMTP, under the plugin's grant `smtp://host:port`. Connectors only. */

/** How a mail server is spoken to. */
typedef enum jf_tls { JF_TLS_IMPLICIT, JF_TLS_STARTTLS, JF_TLS_NONE } jf_tls;

/** A mail server. */
typedef struct jf_mail_server {
    const char *host;
    uint16_t port;
    jf_tls tls;
    /** Logs in, where there is a user name; the password is a placeholder `{{secret:NAME}}`. */
    const char *username;
    const char *password;
    /** Milliseconds for the whole conversation; 0 is 30,000, at most 120,000. */
    uint32_t timeout;
} jf_mail_server;

/** A file of a mail. */
typedef struct jf_mail_file {
    const char *name;
    const char *content_type;
    jf_bytes content;
} jf_mail_file;

/** A mail. Addresses are mailboxes: `Ann <ann@example.com>` or `ann@example.com`. */
typedef struct jf_mail {
    const char *from;
    jf_texts to, cc, bcc;
    const char *reply_to;
    const char *subject;
    const char *text;
    const char *html;
    const jf_mail_file *files;
    size_t file_count;
    /** Without the angle brackets; NULL lets the host make one. */
    const char *message_id;
    const char *in_reply_to;
    jf_texts references;
    jf_headers headers;
} jf_mail;

/** A recipient that the server did not take. */
typedef struct jf_rejection {
    const char *address;
    /** The reply code of the server, such as 550. */
    uint16_t code;
    /** The enhanced status code (RFC 3463); NULL where there is none. */
    const char *enhanced;
    const char *text;
} jf_rejection;

/** A mail that the server took. */
typedef struct jf_mail_accepted {
    const char *message_id;
    /** The server's reply to the message. */
    const char *response;
    const jf_rejection *rejected;
    size_t rejected_count;
} jf_mail_accepted;

/** Hands a mail to a server. */
const jf_mail_accepted *jf_email_send(const jf_mail_server *server, const jf_mail *mail);
/** Connects, logs in and leaves, without a mail; the server's greeting. */
const char *jf_email_check(const jf_mail_server *server);

/* crypto: digests and signatures. Secrets are named, never seen. */

typedef enum jf_algorithm { JF_MD5, JF_SHA1, JF_SHA256, JF_SHA384, JF_SHA512 } jf_algorithm;

/** The digest of data. */
jf_bytes jf_crypto_hash(jf_algorithm algorithm, jf_bytes data);
/** The HMAC of data under a secret. */
bool jf_crypto_hmac(jf_algorithm algorithm, const char *secret, jf_bytes data, jf_bytes *mac);
/** Whether `signature` is that HMAC, in constant time. */
bool jf_crypto_verify(jf_algorithm algorithm, const char *secret, jf_bytes data,
                      jf_bytes signature);
/** The signature of data under a private key, such as `rs256`: the secret is the key in PEM, or the
 *  JSON key of a Google service account. */
bool jf_crypto_sign(const char *algorithm, const char *secret, jf_bytes data, jf_bytes *signature);
/** Whether `candidate` is the secret itself, in constant time. */
bool jf_crypto_equal(const char *secret, jf_bytes candidate);

/* templates: the workspace's. */

/** A template with the run's variables put in. */
typedef struct jf_rendered {
    /** NULL where the template has none. */
    const char *subject;
    const char *html;
    const char *text;
} jf_rendered;

/** Puts the run's variables into a template; `values` (an object, or NULL) stand under `values`. */
const jf_rendered *jf_templates_render(const char *name, const jf_value *values);

/** conditions: whether one holds for the run, such as `{"field": "contact.city", "is": "Paris"}`.
 *  A refused call answers false as well; `jf_caught` tells them apart. */
bool jf_conditions_evaluate(const jf_value *condition);

/* variables: the run's. They live as long as the run. */

/** The value at a path such as `contact.firstname` or `vars.answer`; NULL when it has none. */
const jf_value *jf_variables_get(const char *path);
/** Sets `vars.NAME`; NULL or `null` removes it. */
bool jf_variables_set(const char *name, const jf_value *value);

/* contacts: the contact that the run is about. */

typedef enum jf_operation { JF_SET, JF_CLEAR, JF_APPEND, JF_INCREMENT } jf_operation;

/** The contact as it stands, with what this run has changed; NULL where the run has none. */
const jf_value *jf_contacts_get(void);
/** Changes one field; the new value as the field's type stores it. */
const jf_value *jf_contacts_update(const char *field, jf_operation operation,
                                   const jf_value *value);
/** Adds tags to the contact. */
bool jf_contacts_add_tags(jf_texts tags);

/** A change of tags. */
typedef struct jf_retag {
    /** One that is there already is not added again, one that is not there not removed. */
    jf_texts add, remove;
    /** Raises no event `tag.updated`, so no workflow starts by it. */
    bool silent;
} jf_retag;

/** Adds and removes tags in one; what changed: `{"added": [...], "removed": [...]}`. */
const jf_value *jf_contacts_retag(const jf_retag *change);

/** An opt-out. */
typedef struct jf_opt_out {
    /** Nothing is sent over this channel; else nobody of the workspace sends any more. */
    bool sender;
    /** On which the contact has the address; NULL for that of its last message. */
    const char *channel;
    /** Takes it back. */
    bool in;
} jf_opt_out;

/** Records that the contact wants nothing more, or wants it again: `{"address", "scope",
 *  "changed"}`. */
const jf_value *jf_contacts_opt_out(const jf_opt_out *request);

/* conversations: those with the contact; at most one of them is open or snoozed at a time. */

/** What a conversation is closed with; NULL leaves a part out. */
typedef struct jf_note {
    /** One of the workspace's categories, where it has any. */
    const char *category;
    /** For people; at most 2,000 characters. */
    const char *summary;
} jf_note;

/** The conversation that is open or snoozed, else the last one, as it stands with what this run has
 *  changed: `{"id", "state", "source", "opened_at", ...}`; NULL where there never was one. */
const jf_value *jf_conversations_get(void);
/** Opens a conversation, unless one is open already; one that is snoozed is open again. */
const jf_value *jf_conversations_open(void);
/** Closes the conversation, with a note or without (NULL); it, or `null` (of the type `JF_NULL`)
 *  where none was open: then nothing happens. */
const jf_value *jf_conversations_close(const jf_note *note);
/** Adds a comment to the conversation that is open or was last, for people of the workspace: it is
 *  never sent to the contact. `@` and a mail address or a name mention a user. Its id. */
const char *jf_conversations_comment(const char *text);

/** Who gets the contact: exactly one of the first four. The rest is how one of several is chosen. */
typedef struct jf_assign {
    /** This user, by mail address, name or id. */
    const char *user;
    /** Somebody of a team, by its name. */
    const char *team;
    /** Somebody of the workspace. */
    bool workspace;
    /** Nobody: whoever has it, has it no more. */
    bool nobody;
    /** How one is chosen: `round-robin` (as NULL), `least-open`, `least-recent`, `fewest-completed`,
     *  `linear`, `random`, `weighted-random`, or `ring-all`: whoever takes it first. */
    const char *by;
    /** Only users that are online. */
    bool only_online;
    /** Only users that are not on a call. */
    bool not_on_call;
    /** Only users with fewer open contacts than this; 0: with any number of them. */
    uint32_t fewer_than;
    /** Before those with a lower priority, -100 to 100. */
    int priority;
    /** With the event `queue.overdue` after so long in the queue, such as `60s`. */
    const char *service_level;
} jf_assign;

/** Gives the contact to a user, or takes it from the one who has it. For a user and for nobody
 *  `{"assignee": {"id", "name", "email"}}` or `{"assignee": null}`, else `{"queued": "the id of the
 *  place in the queue"}`: somebody is chosen when the outcome is committed, at once if somebody is
 *  free, and arrives as the event `queue.finished` about that id. Where as many wait as may,
 *  `{"full": how many}`. */
const jf_value *jf_conversations_assign(const jf_assign *request);
/** Gives up a place in the queue; whether the contact was still waiting in it: if not, it has
 *  somebody by now. A refused call answers false as well; `jf_caught` tells them apart. */
bool jf_conversations_leave_queue(const char *id);

/* lists: the workspace's, of contacts. A refused call answers false as well; `jf_caught` tells them
 * apart. */

/** Puts the contact on a list; whether it was not on it yet. */
bool jf_lists_add(const char *list);
/** Takes the contact off a list; whether it was on it. */
bool jf_lists_remove(const char *list);

/* tables: the workspace's. */

/** Adds a row, an object with values by column; the row's id, or NULL where it was refused. */
const char *jf_tables_append(const char *table, const jf_value *row);

/* files: the workspace's. */

/** The bytes of a file, of at most 262,144. */
bool jf_files_read(const char *name, jf_bytes *bytes);

/* workflows: the workspace's others. */

/** What a workflow starts with; NULL leaves a part out. */
typedef struct jf_start {
    /** The id of the step to begin at, instead of the first. */
    const char *from;
    /** An object: its variables, by their names without `vars.`. */
    const jf_value *variables;
    /** An object: what its trigger brings. */
    const jf_value *data;
} jf_start;

/** Starts a workflow that has the trigger `manual`, for the contact of this run; `options` may be
 *  NULL. The run's id: it begins when the outcome is committed, and its end arrives as the event
 *  `run.ended` about that id. */
const char *jf_workflows_start(const char *workflow, const jf_start *options);

/* messages: to contacts and others, through the workspace's channels. */

/** The channel that a name stands for: `{"id", "name", "kind", "address-kind", "quick-replies",
 *  "text-limit", ...}`. */
const jf_value *jf_messages_channel(const char *name);
/** Puts a message into the outbox; its id. What becomes of it arrives as events `message.status`
 *  about that id. */
const char *jf_messages_send(const jf_outgoing *message);

#endif
