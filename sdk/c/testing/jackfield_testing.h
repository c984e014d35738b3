/**
 * Unit tests of plugins, natively: a host for tests, and a plugin run as the real host runs it.
 *
 *     jf_host *host = jf_host_new();
 *     host->contact = JF_JSON({"firstname": "Ann"});
 *     jf_result result = jf_test_start(&jf_plugin, JF_JSON({"greeting": "Good morning"}));
 *     JF_CHECK_JSON(result.output, {"text": "Good morning Ann"});
 *
 * Everything that crosses the boundary is held against the published schemas in `wit/schemas`, so a
 * plugin that passes its tests speaks the contract: descriptors, settings, outputs, messages and
 * inbound events. What breaks a schema ends the test with a line that says where.
 *
 * One host at a time: `jf_host_new` makes an empty one and frees all that the test before has left.
 */
#ifndef JACKFIELD_TESTING_H
#define JACKFIELD_TESTING_H

#include <jackfield.h>

#include <stdio.h>

/** The most of each thing that a test host has room for. */
#define JF_MOST 64

/** The test host. Zeros mean: no contact, no channel, no network; the clock stands at
 *  2026-01-01T00:00:00Z. */
typedef struct jf_host {
    /* What the test sets. */

    /** Milliseconds since 1970. */
    uint64_t now;
    /** JSON of the contact; NULL: none. Its tags change with what the plugin does. */
    const char *contact;
    /** JSON of the conversation, as it changes with what the plugin does; NULL: none. */
    const char *conversation;
    /** The lists that there are; without any every list that is named exists. */
    const char *lists[JF_MOST];
    /** The lists that the contact is on, as they change with what the plugin does. */
    const char *on_lists[JF_MOST];
    /** The n-th try of the step's visit, from 1. */
    uint32_t attempt;
    /** JSON of the trigger's data and of the run's variables. */
    const char *trigger;
    const char *variables;
    /** Channels as `messages.channel` answers them; the first is the contact's last. */
    const char *channels[JF_MOST];
    /** Templates by name, as `templates.render` answers them. */
    struct {
        const char *name;
        const char *rendered;
    } templates[JF_MOST];
    /** Secrets for `crypto`. */
    struct {
        const char *name;
        const char *value;
    } secrets[JF_MOST];
    /** The workspace's files. */
    struct {
        const char *name;
        const char *content;
    } files[JF_MOST];
    /** What `clock.next-open` answers; 0: never open. */
    uint64_t next_open;
    /** What conditions come to; NULL: none holds. */
    bool (*condition)(const jf_value *condition);
    /** What the outside answers; NULL, or an answer of NULL, is a refusal: `denied`, or what
     *  `jf_test_refuse` says. */
    const jf_response *(*http)(const jf_request *request);
    const jf_mail_accepted *(*email)(const jf_mail *mail);
    const char *(*email_check)(const jf_mail_server *server);
    /** What a change of a contact's field comes to; NULL: the value itself. */
    const jf_value *(*update)(const char *field, jf_operation operation, const jf_value *value);
    /** Whether a workflow starts; NULL: every one does. What does not is a refusal: `not-found`, or
     *  what `jf_test_refuse` says. */
    bool (*start)(const char *workflow, const jf_value *options);

    /* What the plugin did. */

    /** The messages put into the outbox, oldest first; their ids are `message-1`, `message-2`. */
    const jf_value *messages[JF_MOST];
    size_t message_count;
    jf_request requests[JF_MOST];
    size_t request_count;
    struct {
        jf_mail_server server;
        jf_mail mail;
    } mails[JF_MOST];
    size_t mail_count;
    /** The tags that `jf_contacts_add_tags` was given. */
    const char *tags[JF_MOST];
    size_t tag_count;
    /** The changes of tags: `{"add"?, "remove"?, "silent"?}`. */
    const jf_value *retags[JF_MOST];
    size_t retag_count;
    /** The opt-outs: `{"scope", "channel"?, "in"?}`. */
    const jf_value *opt_outs[JF_MOST];
    size_t opt_out_count;
    /** The contact wants nothing more. */
    bool opted_out;
    /** How many conversations were opened: `conversation-1`, `conversation-2`. */
    size_t opened_count;
    /** The comments; their ids are `comment-1`, `comment-2`. */
    const char *comments[JF_MOST];
    size_t comment_count;
    /** What was asked of `jf_conversations_assign`: `{"team", "only-online"?, ...}`. */
    const jf_value *assigned[JF_MOST];
    size_t assigned_count;
    /** The places in the queue: `place-1`, `place-2`; NULL where one was given up. */
    const char *places[JF_MOST];
    size_t place_count;
    /** The rows that were added to tables; their ids are `row-1`, `row-2`. */
    struct {
        const char *table;
        const jf_value *row;
    } rows[JF_MOST];
    size_t rows_count;
    /** The workflows that were started; the runs' ids are `run-1`, `run-2`. */
    struct {
        const char *workflow;
        const jf_value *options;
    } started[JF_MOST];
    size_t started_count;
    struct {
        const char *field;
        jf_operation operation;
        const jf_value *value;
    } updates[JF_MOST];
    size_t update_count;
    /** `info: the line`. */
    const char *logs[JF_MOST];
    size_t log_count;
    /** The run's variables that were set, by name. */
    jf_value *set;
} jf_host;

/** A new host, in place of the one before. */
jf_host *jf_host_new(void);

/** For the functions of a test: an answer with this body. */
const jf_response *jf_test_response(uint16_t status, const char *body);
/** For the functions of a test: refuses with this code, and answers NULL. */
void *jf_test_refuse(const char *code, const char *message);

/** What came of an activation. Only what belongs to it is set. */
typedef struct jf_result {
    /** It failed, with this. */
    bool failed;
    jf_failure failure;

    /** Of a step that is done: the branch (`success` where it named none) and the output. */
    const char *branch;
    const jf_value *output;
    /** Of a step that waits. */
    bool waits;
    const jf_value *state;
    uint64_t until; /**< 0: none */
    const jf_subscription *events;
    size_t event_count;
    /** The run goes on there, or ends with this reason. */
    const char *goes_to;
    const char *ends;

    /** Of a connector's `check` and `connect`. */
    const jf_value *detail;
    /** Of its `send`. */
    const jf_receipt *receipt;
    /** Of its `receive`. */
    uint16_t status;
    jf_headers headers;
    jf_bytes body;
    const jf_value *inbound; /**< a list */
} jf_result;

/** The descriptor, valid under its schema. */
const jf_value *jf_test_describe_step(const jf_step *step);
const jf_value *jf_test_describe_connector(const jf_connector *connector);

/** A run arrives at the step. Settings that break the step's schema are refused as the host
 *  refuses them: with the class `invalid-config` and the code `schema`. */
jf_result jf_test_start(const jf_step *step, const char *settings);
/** The wait of the result before ends: by its time, or by an event. */
jf_result jf_test_timer(const jf_step *step, const char *settings, const jf_result *wait);
jf_result jf_test_event(const jf_step *step, const char *settings, const jf_result *wait,
                        const char *name, const char *data);

/** A connector with a channel's settings. A message must be valid under its schema. */
jf_result jf_test_check(const jf_connector *connector, const char *settings);
jf_result jf_test_connect(const jf_connector *connector, const char *settings,
                          const char *public_url);
jf_result jf_test_send(const jf_connector *connector, const char *settings, const char *message);
jf_result jf_test_receive(const jf_connector *connector, const char *settings,
                          const jf_webhook *request);

/** Runs one test, a function without arguments, and says how it went. */
#define JF_TEST(test) jf_test_run(#test, test)
/** The result of a test program: `return jf_tested();` */
int jf_tested(void);

/** Ends the test program with a line that says where, unless it holds. */
#define JF_CHECK(holds)                                                                            \
    ((holds) ? (void)0 : jf_test_wrong(__FILE__, __LINE__, "this does not hold: %s", #holds))
/** Two texts are the same. */
#define JF_CHECK_TEXT(found, wanted) jf_test_same_text(__FILE__, __LINE__, found, wanted)
/** A value says the same as this JSON. */
#define JF_CHECK_JSON(found, ...) jf_test_same_json(__FILE__, __LINE__, found, #__VA_ARGS__)
/** It failed with this code. */
#define JF_CHECK_FAILED(result, with)                                                              \
    jf_test_same_text(__FILE__, __LINE__, (result).failed ? (result).failure.code : NULL, with)

/* What the macros call. */
void jf_test_run(const char *name, void (*test)(void));
_Noreturn void jf_test_wrong(const char *file, int line, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void jf_test_same_text(const char *file, int line, const char *found, const char *wanted);
void jf_test_same_json(const char *file, int line, const jf_value *found, const char *wanted);

#endif
