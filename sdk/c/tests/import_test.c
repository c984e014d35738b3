/** The imports against the test host, and what is made of requests and answers. */
#include "tests.h"

static jf_response answered(const char *name, const char *value)
{
    jf_header *header = jf_alloc(sizeof *header);
    *header = (jf_header){name, value};
    return (jf_response){.status = 429, .headers = {header, 1}};
}

static void retry_after_is_seconds_or_a_date(void)
{
    jf_host_new();
    const char *date = "Wed, 21 Oct 2015 07:28:00 GMT";
    jf_response seconds = answered("Retry-After", "120");
    jf_response dated = answered("Retry-After", date);
    jf_response nonsense = answered("Retry-After", "soon, 21 Oxt 2015 07:28:00 GMT");
    JF_CHECK(jf_retry_after(&seconds, 0) == 120000);
    JF_CHECK(jf_retry_after(&dated, 1445412470000) == 10000);
    JF_CHECK(jf_retry_after(&dated, 1745412470000) == 0);
    JF_CHECK(jf_retry_after(&nonsense, 0) == 0);
    JF_CHECK(jf_retry_after(NULL, 0) == 0);
}

static const jf_response *echo(const jf_request *request)
{
    return jf_test_response(200, jf_text_of_bytes(request->body));
}

static void a_request_says_what_its_body_is(void)
{
    jf_host *host = jf_host_new();
    host->http = echo;
    jf_begin();
    jf_value *form = jf_object();
    jf_set(form, "to", "+33 6");
    jf_set(form, "n", 5);
    jf_http_fetch(&(jf_request){.url = "https://a.example", .form = form});
    const jf_response *response = jf_http_fetch(&(jf_request){
        .url = "https://a.example", .json = form, .headers = {{"Content-Type", "application/x"}}});
    jf_http_fetch(&(jf_request){.url = "https://a.example"});
    JF_CHECK_TEXT(jf_text_of_bytes(host->requests[0].body), "to=%2B33+6&n=5");
    JF_CHECK_TEXT(host->requests[0].headers[0].value, "application/x-www-form-urlencoded");
    JF_CHECK(!host->requests[1].headers[1].name);
    JF_CHECK_JSON(jf_response_json(response), {"to": "+33 6", "n": 5});
    JF_CHECK_TEXT(host->requests[0].method, "POST");
    JF_CHECK_TEXT(host->requests[2].method, "GET");
    JF_CHECK(jf_is_success(response) && !jf_is_success(NULL));
}

static bool in_paris(const jf_value *condition)
{
    return jf_equal(jf_text(jf_get(condition, "is"), NULL), "Paris");
}

static void the_host_answers_what_the_test_has_set(void)
{
    jf_host *host = jf_host_new();
    host->contact = JF_JSON({"firstname": "Ann"});
    host->variables = JF_JSON({"vars": {"a": 1}, "steps": {"ask": {"answer": "x"}}});
    host->channels[0] = JF_JSON({"id": "c1", "name": "sms"});
    host->templates[0].name = "hello";
    host->templates[0].rendered = JF_JSON({"html": "<p>Hi</p>", "text": "Hi"});
    host->next_open = 1767300000000;
    host->condition = in_paris;
    jf_begin();
    uint64_t number = 0;
    JF_CHECK(jf_clock_parse("2026-12-01 09:00", &number) && number == 1796115600000);
    JF_CHECK(jf_clock_duration("1d12h", &number) && number == 129600000);
    JF_CHECK(jf_clock_next_open(jf_object(), 5, &number) && number == 1767300000000);
    JF_CHECK(jf_random_bytes(5000).size == 1024);
    JF_CHECK_TEXT(jf_templates_render("hello", NULL)->html, "<p>Hi</p>");
    JF_CHECK(jf_conditions_evaluate(jf_parse(JF_JSON({"is": "Paris"}), NULL)));
    JF_CHECK_TEXT(jf_text(jf_variables_get("contact.firstname"), NULL), "Ann");
    JF_CHECK_TEXT(jf_text(jf_variables_get("steps.ask.answer"), NULL), "x");
    JF_CHECK(jf_variables_set("b", jf_of(2)) && jf_integer(jf_variables_get("vars.b"), 0) == 2);
    JF_CHECK(jf_variables_set("b", NULL) && !jf_variables_get("vars.b"));
    JF_CHECK(jf_contacts_add_tags(JF_TEXTS("a", "b")) && host->tag_count == 2);
    JF_CHECK_JSON(jf_contacts_update("city", JF_SET, jf_of("Paris")), "Paris");
    JF_CHECK(host->updates[0].operation == JF_SET);
    JF_CHECK_TEXT(jf_text(jf_get(jf_messages_channel("last-interacted"), "id"), NULL), "c1");
    JF_CHECK_TEXT(
        jf_messages_send(&(jf_outgoing){
            .channel = "sms",
            .to = JF_TEXTS("+1"),
            .content = &(jf_content){
                .type = "quick-reply",
                .text = "Well?",
                .replies = {(jf_reply[]){{"Yes", "y"}, {"No", NULL}}, 2}}}),
        "message-1");
    JF_CHECK_JSON(host->messages[0], {
        "channel": "sms", "to": ["+1"],
        "content": {"type": "quick-reply", "text": "Well?",
                    "replies": [{"title": "Yes", "payload": "y"}, {"title": "No"}]}
    });
    jf_log_info("line %d", 1);
    JF_CHECK_TEXT(host->logs[0], "info: line 1");
    JF_CHECK(!jf_caught());
}

static void tags_are_changed_in_one_and_the_answer_says_what_was_new(void)
{
    jf_host *host = jf_host_new();
    host->contact = JF_JSON({"id": "c1", "tags": ["lead", "fr"]});
    jf_begin();
    JF_CHECK_JSON(jf_contacts_retag(&(jf_retag){.add = JF_TEXTS("vip", "fr", "vip"),
                                                .remove = JF_TEXTS("lead", "old")}),
                  {"added": ["vip"], "removed": ["lead"]});
    JF_CHECK(jf_contacts_add_tags(JF_TEXTS("new")));
    JF_CHECK_JSON(jf_contacts_retag(&(jf_retag){.add = JF_TEXTS("new"), .silent = true}),
                  {"added": [], "removed": []});
    JF_CHECK_JSON(jf_contacts_get(), {"id": "c1", "tags": ["fr", "vip", "new"]});
    JF_CHECK_JSON(host->retags[0], {"add": ["vip", "fr", "vip"], "remove": ["lead", "old"]});
    JF_CHECK_JSON(host->retags[1], {"add": ["new"], "silent": true});
    JF_CHECK(host->tag_count == 1 && host->retag_count == 2);
    JF_CHECK_JSON(jf_contacts_opt_out(&(jf_opt_out){.sender = true, .channel = "chat"}),
                  {"address": "", "scope": "sender", "changed": true});
    JF_CHECK_JSON(jf_contacts_opt_out(&(jf_opt_out){.in = true}),
                  {"address": "", "scope": "account", "changed": true});
    JF_CHECK_JSON(host->opt_outs[0], {"scope": "sender", "channel": "chat"});
}

/** A text of so many characters, a multiple of ten. */
static const char *so_many(size_t count)
{
    const char *text = "";
    for (size_t i = 0; i < count; i += 10)
        text = jf_format("%sééééé-----", text);
    return text;
}

static void a_conversation_is_opened_once_and_closed_with_its_note(void)
{
    jf_host *host = jf_host_new();
    host->contact = "{}";
    jf_begin();
    JF_CHECK(!jf_conversations_get());
    JF_CHECK(jf_type_of(jf_conversations_close(NULL)) == JF_NULL);
    JF_CHECK_JSON(jf_conversations_open(), {"id": "conversation-1", "state": "open",
                                            "source": "workflow",
                                            "opened_at": "2026-01-01T00:00:00Z"});
    JF_CHECK(jf_same(jf_conversations_open(), jf_conversations_get()));
    JF_CHECK(!jf_conversations_close(&(jf_note){.summary = so_many(2010)}));
    JF_CHECK_TEXT(jf_caught()->code, "invalid");
    host->now += 86400007;
    JF_CHECK_JSON(
        jf_conversations_close(&(jf_note){.category = "solved", .summary = so_many(10)}),
        {"id": "conversation-1", "state": "closed", "source": "workflow",
         "opened_at": "2026-01-01T00:00:00Z", "closed_at": "2026-01-02T00:00:00.007Z",
         "closed_by": "workflow", "category": "solved", "summary": "ééééé-----"});
    JF_CHECK(jf_type_of(jf_conversations_close(NULL)) == JF_NULL);
    JF_CHECK_TEXT(jf_text(jf_get(jf_conversations_open(), "id"), NULL), "conversation-2");
    JF_CHECK_TEXT(jf_conversations_comment("@ann: see above"), "comment-1");
    JF_CHECK(!jf_conversations_comment(" \n"));
    JF_CHECK_TEXT(jf_caught()->code, "invalid");
    JF_CHECK(jf_conversations_comment(so_many(5000)));
    JF_CHECK(!jf_conversations_comment(so_many(5010)));
    JF_CHECK_TEXT(jf_caught()->code, "too-large");
    JF_CHECK_TEXT(host->comments[0], "@ann: see above");
    JF_CHECK(host->comment_count == 2);
    host->conversation = JF_JSON({"id": "k", "state": "snoozed"});
    JF_CHECK_JSON(jf_conversations_open(), {"id": "k", "state": "open"});
}

static void an_assignment_is_a_user_nobody_or_a_place_in_the_queue(void)
{
    jf_host *host = jf_host_new();
    host->contact = "{}";
    jf_begin();
    JF_CHECK_JSON(jf_conversations_assign(&(jf_assign){.user = "ann"}),
                  {"assignee": {"id": "ann", "name": "ann", "email": "ann"}});
    JF_CHECK_JSON(jf_conversations_assign(&(jf_assign){.nobody = true}), {"assignee": null});
    jf_assign sales = {.team = "sales", .by = "least-open", .only_online = true, .fewer_than = 5};
    JF_CHECK_JSON(jf_conversations_assign(&sales), {"queued": "place-1"});
    jf_assign anybody = {.workspace = true, .not_on_call = true, .priority = -1};
    JF_CHECK_JSON(jf_conversations_assign(&anybody), {"queued": "place-2"});
    JF_CHECK(jf_conversations_leave_queue("place-1") && !jf_conversations_leave_queue("place-1"));
    JF_CHECK(!jf_conversations_leave_queue("place-3") && !jf_conversations_leave_queue(NULL));
    JF_CHECK_TEXT(host->places[1], "place-2");
    JF_CHECK(!jf_conversations_assign(&(jf_assign){.by = "random"}));
    JF_CHECK_TEXT(jf_caught()->code, "invalid");
    JF_CHECK(!jf_conversations_assign(&(jf_assign){.team = "sales", .nobody = true}));
    JF_CHECK_TEXT(jf_caught()->code, "invalid");
    JF_CHECK_JSON(host->assigned[2], {
        "team": "sales", "by": "least-open", "only-online": true, "fewer-than": 5
    });
    JF_CHECK_JSON(host->assigned[3], {"workspace": true, "not-on-call": true, "priority": -1});
    JF_CHECK(host->assigned_count == 4);
}

static void lists_say_whether_something_changed_and_which_there_are(void)
{
    jf_host *host = jf_host_new();
    host->contact = "{}";
    host->on_lists[0] = "news";
    jf_begin();
    JF_CHECK(jf_lists_add("vip") && !jf_lists_add("vip"));
    JF_CHECK(jf_lists_remove("news") && !jf_lists_remove("news"));
    JF_CHECK_TEXT(host->on_lists[0], "vip");
    JF_CHECK(!host->on_lists[1] && !jf_caught());
    host->lists[0] = "vip";
    host->lists[1] = "news";
    JF_CHECK(jf_lists_add("news"));
    JF_CHECK(!jf_lists_remove("fax"));
    const jf_call_error *error = jf_caught();
    JF_CHECK_TEXT(error->code, "not-found");
    JF_CHECK_TEXT(error->message, "there is no list `fax`; there are: vip, news");
}

static bool unless_busy(const char *workflow, const jf_value *options)
{
    (void)options;
    if (jf_equal(workflow, "busy"))
        jf_test_refuse("already-enrolled", "the contact is in it");
    return jf_equal(workflow, "onboarding");
}

static void a_workflow_starts_with_what_it_is_given_unless_the_test_refuses_it(void)
{
    jf_host *host = jf_host_new();
    host->contact = "{}";
    jf_begin();
    JF_CHECK_TEXT(jf_workflows_start("plain", NULL), "run-1");
    host->start = unless_busy;
    JF_CHECK(!jf_workflows_start("busy", NULL));
    JF_CHECK_TEXT(jf_caught()->code, "already-enrolled");
    JF_CHECK(!jf_workflows_start("none", NULL));
    JF_CHECK_TEXT(jf_caught()->code, "not-found");
    jf_value *variables = jf_object();
    jf_set(variables, "plan", "pro");
    jf_start options = {.from = "welcome",
                        .variables = variables,
                        .data = jf_parse(JF_JSON({"order": {"id": 7}}), NULL)};
    JF_CHECK_TEXT(jf_workflows_start("onboarding", &options), "run-2");
    JF_CHECK_JSON(host->started[0].options, {});
    JF_CHECK_TEXT(host->started[1].workflow, "onboarding");
    JF_CHECK_JSON(host->started[1].options, {
        "from": "welcome", "variables": {"plan": "pro"}, "data": {"order": {"id": 7}}
    });
    JF_CHECK(host->started_count == 2);
}

static void every_refusal_is_told(void)
{
    jf_host *host = jf_host_new();
    uint64_t number;
    jf_bytes mac;
    jf_begin();
#define REFUSED(call, with)                                                                        \
    do {                                                                                           \
        JF_CHECK(!(call));                                                                         \
        const jf_call_error *error_ = jf_caught();                                                 \
        JF_CHECK_TEXT(error_ ? error_->code : NULL, with);                                         \
    } while (0)
    REFUSED(jf_clock_parse("tomorrow", &number), "invalid");
    REFUSED(jf_clock_duration("5 apples", &number), "invalid");
    REFUSED(jf_clock_duration("", &number), "invalid");
    REFUSED(jf_clock_next_open(jf_object(), 0, &number), "not-found");
    REFUSED(jf_http_fetch(&(jf_request){.url = "https://a.example"}), "denied");
    REFUSED(jf_email_send(&(jf_mail_server){.host = "m"}, &(jf_mail){.from = "a"}), "denied");
    REFUSED(jf_email_check(&(jf_mail_server){.host = "m"}), "denied");
    REFUSED(jf_crypto_hmac(JF_SHA1, "none", jf_bytes_of(""), &mac), "secret-missing");
    REFUSED(jf_crypto_equal("none", jf_bytes_of("")), "secret-missing");
    REFUSED(jf_crypto_sign("rs256", "none", jf_bytes_of(""), &mac), "secret-missing");
    REFUSED(jf_crypto_sign("es256", "none", jf_bytes_of(""), &mac), "invalid");
    REFUSED(jf_files_read("none.txt", &mac), "not-found");
    REFUSED(jf_templates_render("none", NULL), "not-found");
    REFUSED(jf_variables_set("Bad", NULL), "invalid");
    REFUSED(jf_contacts_update("city", JF_CLEAR, NULL), "not-found");
    REFUSED(jf_contacts_add_tags(JF_TEXTS("a")), "not-found");
    REFUSED(jf_contacts_retag(&(jf_retag){.add = JF_TEXTS("a")}), "not-found");
    REFUSED(jf_contacts_opt_out(&(jf_opt_out){0}), "not-found");
    REFUSED(jf_conversations_open(), "not-found");
    REFUSED(jf_conversations_close(NULL), "not-found");
    REFUSED(jf_conversations_comment("Hi"), "not-found");
    REFUSED(jf_conversations_assign(&(jf_assign){.nobody = true}), "not-found");
    REFUSED(jf_conversations_leave_queue("place-1"), "not-found");
    REFUSED(jf_lists_add("vip"), "not-found");
    REFUSED(jf_lists_remove("vip"), "not-found");
    REFUSED(jf_messages_channel("none"), "not-found");
    REFUSED(jf_messages_send(&(jf_outgoing){
                .channel = "none", .content = &(jf_content){.type = "text", .text = ""}}),
            "not-found");
    JF_CHECK(host->mail_count == 1 && host->request_count == 1);
}

void import_tests(void)
{
    JF_TEST(retry_after_is_seconds_or_a_date);
    JF_TEST(a_request_says_what_its_body_is);
    JF_TEST(the_host_answers_what_the_test_has_set);
    JF_TEST(tags_are_changed_in_one_and_the_answer_says_what_was_new);
    JF_TEST(a_conversation_is_opened_once_and_closed_with_its_note);
    JF_TEST(an_assignment_is_a_user_nobody_or_a_place_in_the_queue);
    JF_TEST(lists_say_whether_something_changed_and_which_there_are);
    JF_TEST(a_workflow_starts_with_what_it_is_given_unless_the_test_refuses_it);
    JF_TEST(every_refusal_is_told);
}
