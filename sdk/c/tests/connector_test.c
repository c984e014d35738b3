/** Connectors: descriptor, sending, receiving. */
#include "tests.h"

#define SETTINGS(FIELD) FIELD(text, base_url, "Where it is.", .required = true)
JF_SETTINGS(settings, SETTINGS)

static const jf_value *check(const jf_channel *channel)
{
    const settings *settings = channel->settings;
    jf_value *detail = jf_object();
    jf_set(detail, "account", settings->base_url);
    return detail;
}

static jf_connected *register_it(const jf_channel *channel, const char *public_url)
{
    (void)channel;
    return jf_registered(public_url);
}

static jf_receipt *send(const jf_channel *channel, const jf_message *message, const char *key)
{
    const settings *settings = channel->settings;
    const char *to = jf_recipient(message);
    if (!to)
        return NULL;
    const jf_response *response =
        jf_http_fetch(&(jf_request){.url = settings->base_url,
                                    .text = jf_format("%s %s", to, message->content->text),
                                    .idempotency_header = key});
    if (!response)
        return jf_fail(jf_no_answer());
    jf_receipt *receipt = jf_accepted(jf_text_of_bytes(response->body));
    receipt->status = "sent";
    return receipt;
}

static jf_received *receive(const jf_channel *channel, const jf_webhook *request)
{
    (void)channel;
    jf_bytes signature;
    if (!jf_unhex(jf_header_of(request->headers, "x-signature"), &signature) ||
        !jf_crypto_verify(JF_SHA256, "token", request->body, signature))
        return jf_refused("the signature is wrong");
    const jf_value *form = jf_form_read(jf_text_of_bytes(request->body));
    jf_received *received = jf_answer(204);
    jf_heard(received,
             (jf_inbound){.type = "message",
                          .provider_id = jf_text(jf_get(form, "id"), ""),
                          .from = "+33612345678",
                          .at = 5,
                          .content = &(jf_content){.type = "text",
                                                   .text = jf_text(jf_get(form, "text"), "")},
                          .profile = &(jf_profile){.firstname = "Ann", .profile_pic = "p"}});
    jf_heard(received, (jf_inbound){.type = "echo",
                                    .provider_id = "2",
                                    .from = "x",
                                    .content = &(jf_content){.type = "location", .longitude = 2.5}});
    jf_heard(received, (jf_inbound){.type = "status",
                                    .provider_id = "3",
                                    .status = "failed",
                                    .error = &(jf_status_error){.code = jf_send_code(JF_QUOTA),
                                                                .message = "no money"}});
    jf_heard(received, (jf_inbound){.type = "other", .name = "typing", .data = form});
    return received;
}

static const jf_connector plugin = {
    .name = "gateway",
    .version = "1.0.0",
    .title = "Gateway",
    .summary = "Texts.",
    .settings = settings_type,
    .secrets = {{.name = "token", .title = "Token", .places = JF_IN_HMAC}},
    .hosts = {"{setting:base-url}"},
    .address = JF_ADDRESS_PHONE,
    .address_from = "kind",
    .message_types = JF_TEXT | JF_CUSTOM,
    .text_limit = {1600, JF_UTF16},
    .media = {.max_bytes = 5, .max_count = 1, .types = {"image/png"}},
    .window = 86400,
    .templates = true,
    .quick_replies = {3, 20},
    .idempotency = true,
    .statuses = JF_SENT | JF_FAILED,
    .rate = 2.5,
    .inbound = true,
    .keywords = true,
    .check = check,
    .connect = register_it,
    .send = send,
    .receive = receive,
};

/** What every connector must have and nothing else: nothing comes in. */
static const jf_connector bare = {
    .name = "bare", .version = "1.0.0", .title = "Bare", .summary = "Bare.", .address = JF_ADDRESS_ID,
    .message_types = JF_TEXT, .check = check, .send = send};

static const char channel[] = JF_JSON({"base-url": "https://a.example"});
static const char text[] =
    JF_JSON({"id": "m", "to": ["+1"], "content": {"type": "text", "text": "Hi"}, "later": 1});

static void the_descriptor_has_all_that_the_schema_knows(void)
{
    jf_host_new();
    JF_CHECK_JSON(jf_test_describe_connector(&plugin), {
        "name": "gateway", "version": "1.0.0", "title": "Gateway", "summary": "Texts.",
        "settings": {"type": "object", "required": ["base-url"], "additionalProperties": false,
                     "properties": {"base-url": {"type": "string", "description": "Where it is."}}},
        "secrets": [{"name": "token", "title": "Token", "places": ["hmac"]}],
        "hosts": ["{setting:base-url}"], "address": "phone", "address-from": "kind",
        "message-types": ["text", "custom"], "text-limit": {"max": 1600, "unit": "utf16"},
        "media": {"max-bytes": 5, "max-count": 1, "types": ["image/png"]}, "window": 86400,
        "templates": true, "quick-replies": {"max": 3, "title-max": 20}, "idempotency": true,
        "statuses": ["sent", "failed"], "rate": 2.5, "inbound": true, "keywords": true
    });
    jf_test_describe_connector(&bare);
}

static const jf_response *created(const jf_request *request)
{
    (void)request;
    return jf_test_response(201, "id-7");
}

static const jf_response *timed_out(const jf_request *request)
{
    (void)request;
    return jf_test_refuse("timeout", "too slow");
}

static void a_message_is_sent_and_its_receipt_comes_back(void)
{
    jf_host *host = jf_host_new();
    host->http = created;
    jf_result result =
        jf_test_send(&plugin, channel,
                     JF_JSON({"id": "m", "to": ["+1"], "content": {"type": "text", "text": "Hi"}}));
    JF_CHECK_TEXT(result.receipt->provider_id, "id-7");
    JF_CHECK_TEXT(result.receipt->status, "sent");
    JF_CHECK_TEXT(host->requests[0].method, "POST");
    JF_CHECK_TEXT(jf_text_of_bytes(host->requests[0].body), "+1 Hi");
    JF_CHECK_TEXT(host->requests[0].idempotency_header, "key-1");
}

static void what_may_have_been_sent_stays_marked(void)
{
    jf_host *host = jf_host_new();
    host->http = timed_out;
    const char *message =
        JF_JSON({"id": "m", "to": ["+1"], "content": {"type": "text", "text": "Hi"}});
    jf_result result = jf_test_send(&plugin, channel, message);
    JF_CHECK_FAILED(result, "transient");
    JF_CHECK(result.failure.maybe_sent && result.failure.class == JF_TRANSIENT);
    host->http = NULL;
    result = jf_test_send(&plugin, channel, message);
    JF_CHECK_FAILED(result, "denied");
    JF_CHECK(result.failure.class == JF_BLOCKED);
}

static void a_message_of_a_later_version_is_read_and_several_recipients_are_refused(void)
{
    jf_host *host = jf_host_new();
    host->http = created;
    jf_failure failure;
    const char *whole = jf_format("{\"settings\":%s}", channel);
    JF_CHECK(jf_drive_send(&plugin, whole, text, "k", &failure));
    JF_CHECK_FAILED(
        jf_test_send(&plugin, channel, JF_JSON({"id": "m", "to": ["+1", "+2"],
                                                "content": {"type": "text", "text": "Hi"}})),
        "unsupported");
    JF_CHECK(!jf_drive_send(&plugin, whole, "{}", "k", &failure));
    JF_CHECK_TEXT(failure.code, "contract");
    JF_CHECK(!jf_drive_check(&plugin, "{\"settings\":{\"base-url\":5}}", &failure));
    JF_CHECK_TEXT(failure.message, "setting `base-url`: expected a text, found 5");
    JF_CHECK(!jf_drive_check(&plugin, "{}", &failure));
    JF_CHECK_TEXT(failure.code, "invalid-config");
}

static void a_signed_request_is_heard_and_an_unsigned_one_refused(void)
{
    jf_host *host = jf_host_new();
    host->secrets[0].name = "token";
    host->secrets[0].value = "s3cret";
    jf_bytes body = jf_bytes_of("id=1&text=Hi+there%21%C3%A9&broken=%zz%4&&alone");
    const char *signature = jf_hex(jf_hmac(JF_SHA256, jf_bytes_of("s3cret"), body));
    jf_webhook request = {.method = "POST",
                          .url = "https://j.example/hooks/1?a=b#c",
                          .headers = {&(jf_header){"x-signature", signature}, 1},
                          .body = body};
    jf_result result = jf_test_receive(&plugin, channel, &request);
    JF_CHECK(result.status == 204);
    JF_CHECK_JSON(result.inbound, [
        {"type": "message", "provider-id": "1", "from": "+33612345678", "at": 5,
         "content": {"type": "text", "text": "Hi there!é"},
         "profile": {"firstname": "Ann", "profile-pic": "p"}},
        {"type": "echo", "provider-id": "2", "from": "x",
         "content": {"type": "location", "latitude": 0, "longitude": 2.5}},
        {"type": "status", "provider-id": "3", "status": "failed",
         "error": {"code": "quota", "message": "no money"}},
        {"type": "other", "name": "typing",
         "data": {"id": "1", "text": "Hi there!é", "broken": "%zz%4", "alone": ""}}
    ]);
    request.headers.count = 0;
    result = jf_test_receive(&plugin, channel, &request);
    JF_CHECK(result.status == 403 && jf_count(result.inbound) == 0);
    JF_CHECK_TEXT(jf_header_of(result.headers, "Content-Type"), "application/json");
    JF_CHECK_TEXT(jf_query(request.url), "a=b");
    JF_CHECK_TEXT(jf_query("https://j.example#?"), "");
}

static void what_a_connector_leaves_out_is_answered_for_it(void)
{
    jf_host_new();
    JF_CHECK_JSON(jf_test_connect(&plugin, channel, "https://j.example").detail,
                  {"registered": true, "instructions": "https://j.example"});
    JF_CHECK(!jf_boolean(jf_get(jf_test_connect(&bare, "{}", "").detail, "registered"), true));
    JF_CHECK(jf_test_receive(&bare, "{}", &(jf_webhook){.method = "GET"}).status == 404);
    JF_CHECK_JSON(jf_test_check(&plugin, channel).detail, {"account": "https://a.example"});
}

void connector_tests(void)
{
    JF_TEST(the_descriptor_has_all_that_the_schema_knows);
    JF_TEST(a_message_is_sent_and_its_receipt_comes_back);
    JF_TEST(what_may_have_been_sent_stays_marked);
    JF_TEST(a_message_of_a_later_version_is_read_and_several_recipients_are_refused);
    JF_TEST(a_signed_request_is_heard_and_an_unsigned_one_refused);
    JF_TEST(what_a_connector_leaves_out_is_answered_for_it);
}
