/**
 * The imports in a unit test: the same functions as in a component, answered by the test host. Those
 * that are about the run's contact stand in contact.c.
 */
#include "internal.h"

#include <string.h>

size_t jf_room(size_t *count)
{
    if (*count == JF_MOST)
        jf_test_wrong(__FILE__, __LINE__, "the test host has room for %d of each thing", JF_MOST);
    return (*count)++;
}

static bool one_of(const char *code, const char *const *codes)
{
    while (*codes && !jf_equal(*codes, code))
        codes++;
    return *codes;
}

void *jf_test_refuse(const char *code, const char *message)
{
    static const char *const passing[] = {"timeout", "connect", "broken", "unavailable", "busy",
                                          NULL};
    static const char *const sent[] = {"timeout", "broken", NULL};
    jf_refuse((jf_call_error){
        .code = code,
        .message = message,
        .transient = one_of(code, passing),
        .maybe_sent = one_of(code, sent),
    });
    return NULL;
}

const jf_response *jf_test_response(uint16_t status, const char *body)
{
    jf_response *response = jf_alloc(sizeof *response);
    response->status = status;
    response->body = jf_bytes_of(body);
    response->url = "";
    return response;
}

/** Refuses, unless the test has refused already. */
static void *denied(const char *what)
{
    return jf_test_refuse("denied", what);
}

/* log */

static void write_line(const char *level, const char *format, va_list arguments)
{
    jf_host *host = jf_the_host();
    host->logs[jf_room(&host->log_count)] =
        jf_format("%s: %s", level, jf_format_list(format, arguments));
}

#define LINE(level)                                                                                \
    va_list arguments;                                                                             \
    va_start(arguments, format);                                                                   \
    write_line(level, format, arguments);                                                          \
    va_end(arguments);

void jf_log_debug(const char *format, ...)
{
    LINE("debug")
}

void jf_log_info(const char *format, ...)
{
    LINE("info")
}

void jf_log_warn(const char *format, ...)
{
    LINE("warn")
}

void jf_log_error(const char *format, ...)
{
    LINE("error")
}

/* clock */

uint64_t jf_clock_now(void)
{
    return jf_the_host()->now;
}

/** RFC 3339 in UTC, or a date with or without a time; enough for tests. */
bool jf_clock_parse(const char *text, uint64_t *timestamp)
{
    if (!jf_may_call())
        return false;
    int year, month, day, hour = 0, minute = 0, second = 0;
    char between;
    int read = sscanf(text, "%d-%d-%d%c%d:%d:%d", &year, &month, &day, &between, &hour, &minute,
                      &second);
    if (read < 3 || month < 1 || month > 12 || day < 1 || day > 31)
        return jf_test_refuse("invalid", jf_format("`%s` is no date and time", text));
    /* Days since 1970 of a civil date: years counted from March, in eras of 400 years. */
    long long from = month <= 2 ? year - 1 : year, era = from / 400, of_era = from % 400;
    long long of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    long long days = era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
    *timestamp = (uint64_t)(((days * 24 + hour) * 60 + minute) * 60 + second) * 1000;
    return true;
}

bool jf_clock_duration(const char *text, uint64_t *milliseconds)
{
    if (!jf_may_call())
        return false;
    uint64_t total = 0;
    const char *at = text;
    do {
        static const char units[] = "smhdw";
        static const uint64_t lengths[] = {1000, 60000, 3600000, 86400000, 604800000};
        unsigned long long number;
        char unit;
        int length = 0;
        const char *known = NULL;
        if (sscanf(at, "%9llu%c%n", &number, &unit, &length) == 2)
            known = strchr(units, unit);
        if (!known)
            return jf_test_refuse("invalid", jf_format("`%s` is no duration such as `15m`", text));
        total += number * lengths[known - units];
        at += length;
    } while (*at);
    *milliseconds = total;
    return true;
}

bool jf_clock_next_open(const jf_value *hours, uint64_t after, uint64_t *timestamp)
{
    (void)hours;
    uint64_t at = jf_the_host()->next_open;
    if (!jf_may_call())
        return false;
    if (!at)
        return jf_test_refuse("not-found", "these hours are never open within 365 days");
    *timestamp = at > after ? at : after;
    return true;
}

/** random: always the same bytes, so that a test repeats itself. */
jf_bytes jf_random_bytes(uint32_t length)
{
    size_t size = length > 1024 ? 1024 : length;
    uint8_t *bytes = jf_alloc(size);
    for (size_t i = 0; i < size; i++)
        bytes[i] = (uint8_t)i;
    return (jf_bytes){bytes, size};
}

/* http */

const jf_response *jf_http_fetch(const jf_request *request)
{
    if (!jf_may_call())
        return NULL;
    jf_host *host = jf_the_host();
    jf_exchange exchange = jf_exchange_of(request);
    /* As it goes out: with its method, its body and its content type. */
    jf_request *seen = &host->requests[jf_room(&host->request_count)];
    *seen = *request;
    seen->method = exchange.method;
    seen->body = exchange.body;
    memcpy(seen->headers, exchange.headers, sizeof seen->headers);
    const jf_response *response = host->http ? host->http(seen) : NULL;
    return response ? response : denied(jf_format("no answer for %s", request->url));
}

/* email */

const jf_mail_accepted *jf_email_send(const jf_mail_server *server, const jf_mail *mail)
{
    if (!jf_may_call())
        return NULL;
    jf_host *host = jf_the_host();
    size_t index = jf_room(&host->mail_count);
    host->mails[index].server = *server;
    host->mails[index].mail = *mail;
    const jf_mail_accepted *accepted = host->email ? host->email(mail) : NULL;
    return accepted ? accepted : denied("no mail server");
}

const char *jf_email_check(const jf_mail_server *server)
{
    if (!jf_may_call())
        return NULL;
    jf_host *host = jf_the_host();
    const char *greeting = host->email_check ? host->email_check(server) : NULL;
    return greeting ? greeting : denied("no mail server");
}

/* crypto */

jf_bytes jf_crypto_hash(jf_algorithm algorithm, jf_bytes data)
{
    return jf_digest(algorithm, data);
}

static bool secret_of(const char *name, jf_bytes *secret)
{
    jf_host *host = jf_the_host();
    if (!jf_may_call())
        return false;
    for (size_t i = 0; i < JF_MOST && host->secrets[i].name; i++) {
        if (jf_equal(host->secrets[i].name, name)) {
            *secret = jf_bytes_of(host->secrets[i].value);
            return true;
        }
    }
    return jf_test_refuse("secret-missing", jf_format("the secret `%s` has no value", name));
}

static bool same_bytes(jf_bytes one, jf_bytes other)
{
    return one.size == other.size && (!one.size || memcmp(one.data, other.data, one.size) == 0);
}

bool jf_crypto_hmac(jf_algorithm algorithm, const char *secret, jf_bytes data, jf_bytes *mac)
{
    jf_bytes key;
    if (!secret_of(secret, &key))
        return false;
    *mac = jf_hmac(algorithm, key, data);
    return true;
}

bool jf_crypto_verify(jf_algorithm algorithm, const char *secret, jf_bytes data,
                      jf_bytes signature)
{
    jf_bytes mac;
    return jf_crypto_hmac(algorithm, secret, data, &mac) && same_bytes(mac, signature);
}

bool jf_crypto_sign(const char *algorithm, const char *secret, jf_bytes data, jf_bytes *signature)
{
    if (!jf_equal(algorithm, "rs256")) {
        if (jf_may_call())
            jf_test_refuse("invalid", jf_format("there is no algorithm `%s`", algorithm));
        return false;
    }
    return jf_crypto_hmac(JF_SHA256, secret, data, signature);
}

bool jf_crypto_equal(const char *secret, jf_bytes candidate)
{
    jf_bytes value;
    return secret_of(secret, &value) && same_bytes(value, candidate);
}

/* templates */

const jf_rendered *jf_templates_render(const char *name, const jf_value *values)
{
    (void)values;
    if (!jf_may_call())
        return NULL;
    jf_host *host = jf_the_host();
    for (size_t i = 0; i < JF_MOST && host->templates[i].name; i++)
        if (jf_equal(host->templates[i].name, name))
            return jf_rendered_of(jf_json_of("a template", host->templates[i].rendered));
    return jf_test_refuse("not-found", jf_format("there is no template `%s`", name));
}

/* conditions */

bool jf_conditions_evaluate(const jf_value *condition)
{
    jf_host *host = jf_the_host();
    return jf_may_call() && host->condition && host->condition(condition);
}

/* variables */

const jf_value *jf_variables_get(const char *path)
{
    jf_host *host = jf_the_host();
    if (jf_starts_with(path, "vars.")) {
        const jf_value *set = jf_get(host->set, path + strlen("vars."));
        if (set)
            return jf_type_of(set) == JF_NULL ? NULL : set;
    }
    const jf_value *value = jf_json_of("the variables", host->variables);
    if (jf_starts_with(path, "contact.")) {
        value = host->contact ? jf_json_of("the contact", host->contact) : NULL;
        path += strlen("contact.");
    }
    while (*path && value) {
        size_t length = strcspn(path, ".");
        value = jf_get(value, jf_text_of(path, length));
        path += length + (path[length] == '.');
    }
    return value;
}

bool jf_variables_set(const char *name, const jf_value *value)
{
    if (!jf_may_call())
        return false;
    size_t length = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_");
    if (*name < 'a' || *name > 'z' || name[length] || length > 64)
        return jf_test_refuse("invalid", jf_format("`%s` is no name of a variable", name));
    jf_set(jf_the_host()->set, jf_text_of(name, length), jf_of_value(value));
    return true;
}

/* messages */

const jf_value *jf_messages_channel(const char *name)
{
    jf_host *host = jf_the_host();
    if (!jf_may_call())
        return NULL;
    for (size_t i = 0; i < JF_MOST && host->channels[i]; i++) {
        const jf_value *channel = jf_json_of("a channel", host->channels[i]);
        if (jf_equal(name, "last-interacted") || jf_equal(jf_text(jf_get(channel, "name"), ""), name) ||
            jf_equal(jf_text(jf_get(channel, "id"), ""), name))
            return channel;
    }
    return jf_test_refuse("not-found", jf_format("there is no channel `%s`", name));
}

const char *jf_messages_send(const jf_outgoing *message)
{
    jf_host *host = jf_the_host();
    if (!jf_may_call())
        return NULL;
    const jf_value *value = jf_outgoing_value(message);
    jf_hold("an outgoing message", jf_published("outgoing-message"), value);
    if (!jf_messages_channel(message->channel))
        return NULL;
    host->messages[jf_room(&host->message_count)] = value;
    return jf_format("message-%zu", host->message_count);
}
