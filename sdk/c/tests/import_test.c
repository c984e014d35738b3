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
    REFUSED(jf_templates_render("none", NULL), "not-found");
    REFUSED(jf_variables_set("Bad", NULL), "invalid");
    REFUSED(jf_contacts_update("city", JF_CLEAR, NULL), "not-found");
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
    JF_TEST(every_refusal_is_told);
}
