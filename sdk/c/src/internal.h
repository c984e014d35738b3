/**
 * What the SDK's own files share: not for authors.
 *
 * The layers: `src/` is everything that is the same in a sandbox and in a unit test. Below it is
 * either `wasm/` (the bindings) or `testing/` (the test host); both define `jf_alloc` and the
 * imports, and both drive a plugin through the functions at the end of this file.
 */
#ifndef JACKFIELD_INTERNAL_H
#define JACKFIELD_INTERNAL_H

#include <jackfield.h>

/** A text that grows. */
typedef struct jf_buffer {
    char *at;
    size_t length;
    size_t capacity;
} jf_buffer;

void jf_append(jf_buffer *buffer, const void *bytes, size_t length);
/** The text, ended by a NUL. */
const char *jf_buffered(jf_buffer *buffer);

/** How many bytes the UTF-8 character at `at` has; 0 where there is none (Unicode, table 3-7). */
size_t jf_utf8(const uint8_t *at, size_t available);
/** Whether these bytes are a text that can be taken as it stands: UTF-8 without a NUL. */
bool jf_is_text(const void *bytes, size_t length);
/** U+FFFD, for what cannot be shown. */
#define JF_REPLACEMENT "\xEF\xBF\xBD"

/** A copy of a text that an author may have on the stack; NULL stays NULL. */
const char *jf_kept(const char *text);

/** Sets a member unless the text is NULL. */
void jf_set_some(jf_value *object, const char *name, const char *text);

/* The state of the activation. */

/** Forgets what the activation before has left. */
void jf_begin(void);
/** Whether a call that can be refused may go to the host. */
bool jf_may_call(void);
/** Marks the activation: the host has refused a call. */
void jf_refuse(jf_call_error error);
/** Whether the activation has failed; takes what it failed with. An answer of NULL that nobody
 *  explained is a failure too. */
bool jf_has_failed(const void *answer, jf_failure *failure);

/** Reads JSON that the host made; a mistake fails the activation with the code `contract`. */
const jf_value *jf_from_host(const char *what, const char *json);
/** The answer of a host call; NULL stays NULL, and what is no JSON is a refusal. */
const jf_value *jf_answered(const char *json);

/** Settings as the plugin declares them; NULL, and a failure that names the setting, where they are
 *  not so. */
const void *jf_settings(const jf_type *(*type)(void), const jf_value *value);

/* Driving a plugin: JSON in, values out. A failure is in `failure` where the answer is NULL. */

struct jf_outcome {
    enum { JF_IS_DONE, JF_IS_WAIT, JF_IS_GOTO, JF_IS_END } kind;
    /** The branch (NULL: `success`), the step's id, or the reason. */
    const char *text;
    /** The output or the state. */
    const jf_value *value;
    bool has_until;
    uint64_t until;
    jf_subscription events[16];
    size_t event_count;
};

struct jf_connected {
    bool registered;
    const char *instructions;
};

struct jf_received {
    uint16_t status;
    jf_header *headers;
    size_t header_count;
    jf_bytes body;
    jf_value *events;
};

/** The step's or the connector's descriptor. */
const char *jf_describe_step(const jf_step *step);
const char *jf_describe_connector(const jf_connector *connector);

/** `wake` is NULL for `start`; the event's data is read from `data_json`. */
const jf_outcome *jf_drive_step(const jf_step *step, const jf_run *run, const char *settings_json,
                                const char *state_json, jf_wake *wake, const char *data_json,
                                jf_failure *failure);
const jf_value *jf_drive_check(const jf_connector *connector, const char *channel_json,
                               jf_failure *failure);
const jf_value *jf_drive_connect(const jf_connector *connector, const char *channel_json,
                                 const char *public_url, jf_failure *failure);
const jf_receipt *jf_drive_send(const jf_connector *connector, const char *channel_json,
                                const char *message_json, const char *key, jf_failure *failure);
const jf_received *jf_drive_receive(const jf_connector *connector, const char *channel_json,
                                    const jf_webhook *request, jf_failure *failure);

/** A message to the host, complete under its schema. */
jf_value *jf_outgoing_value(const jf_outgoing *message);
jf_value *jf_inbound_value(const jf_inbound *inbound);

/** What the host is asked, as JSON; NULL stays NULL. */
jf_value *jf_retag_value(const jf_retag *change);
jf_value *jf_opt_out_value(const jf_opt_out *request);
jf_value *jf_note_value(const jf_note *note);
jf_value *jf_assign_value(const jf_assign *request);
jf_value *jf_start_value(const jf_start *options);

/** What a template came to; NULL stays NULL. */
const jf_rendered *jf_rendered_of(const jf_value *answer);

/** What the host is asked: the method, the body and the headers of a request, filled in. */
typedef struct jf_exchange {
    const char *method;
    bool has_body;
    jf_bytes body;
    jf_header headers[JF_HEADERS + 1];
    size_t header_count;
} jf_exchange;
jf_exchange jf_exchange_of(const jf_request *request);

#endif
