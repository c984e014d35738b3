/**
 * HTTP beside the call itself: what a request comes to, and what an answer says.
 */
#include "internal.h"

#include <string.h>

static char lower(char letter)
{
    return letter >= 'A' && letter <= 'Z' ? (char)(letter + 'a' - 'A') : letter;
}

static bool same_name(const char *one, const char *other)
{
    while (*one && lower(*one) == lower(*other))
        one++, other++;
    return lower(*one) == lower(*other);
}

const char *jf_header_of(jf_headers headers, const char *name)
{
    for (size_t i = 0; i < headers.count; i++)
        if (same_name(headers.items[i].name, name))
            return headers.items[i].value;
    return NULL;
}

bool jf_is_success(const jf_response *response)
{
    return response && response->status >= 200 && response->status < 300;
}

const jf_value *jf_response_json(const jf_response *response)
{
    return response ? jf_parse_bytes(response->body.data, response->body.size, NULL) : NULL;
}

jf_exchange jf_exchange_of(const jf_request *request)
{
    jf_exchange exchange = {0};
    while (exchange.header_count < JF_HEADERS && request->headers[exchange.header_count].name) {
        exchange.headers[exchange.header_count] = request->headers[exchange.header_count];
        exchange.header_count++;
    }
    const char *type = NULL;
    exchange.has_body = true;
    if (request->json) {
        exchange.body = jf_bytes_of(jf_json(request->json));
        type = "application/json";
    } else if (request->form) {
        exchange.body = jf_bytes_of(jf_form(request->form));
        type = "application/x-www-form-urlencoded";
    } else if (request->text) {
        exchange.body = jf_bytes_of(request->text);
    } else {
        exchange.body = request->body;
        exchange.has_body = request->body.data != NULL;
    }
    jf_headers given = {exchange.headers, exchange.header_count};
    if (type && !jf_header_of(given, "content-type"))
        exchange.headers[exchange.header_count++] = (jf_header){"content-type", type};
    exchange.method = request->method ? request->method : exchange.has_body ? "POST" : "GET";
    return exchange;
}

/** Days since 1970 of a civil date: years counted from March, in eras of 400 years. */
static int64_t days_of(int64_t year, int64_t month, int64_t day)
{
    if (month <= 2)
        year--;
    int64_t era = year / 400, of_era = year % 400;
    int64_t of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

/** So many digits at `*at`; -1 where there are not. */
static int64_t digits(const char **at, int count)
{
    int64_t number = 0;
    for (; count > 0; count--, ++*at) {
        if (**at < '0' || **at > '9')
            return -1;
        number = number * 10 + (**at - '0');
    }
    return number;
}

/** `Wed, 21 Oct 2015 07:28:00 GMT` in milliseconds since 1970; false where it is none. */
static bool http_date(const char *text, uint64_t *at)
{
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    const char *comma = strchr(text, ',');
    if (!comma || strlen(comma) != strlen(", 21 Oct 2015 07:28:00 GMT"))
        return false;
    const char *part = comma + 2;
    int64_t day = digits(&part, 2);
    int64_t month = 0;
    for (int64_t i = 0; i < 12 && !month; i++)
        if (strncmp(part + 1, months + 3 * i, 3) == 0)
            month = i + 1;
    part += 5;
    int64_t year = digits(&part, 4);
    part++;
    int64_t hour = digits(&part, 2);
    part++;
    int64_t minute = digits(&part, 2);
    part++;
    int64_t second = digits(&part, 2);
    if (!month || day < 1 || year < 1970 || hour < 0 || minute < 0 || second < 0 ||
        strcmp(part, " GMT") != 0)
        return false;
    *at = (uint64_t)(((days_of(year, month, day) * 24 + hour) * 60 + minute) * 60 + second) * 1000;
    return true;
}

uint64_t jf_retry_after(const jf_response *response, uint64_t now)
{
    const char *value = response ? jf_header_of(response->headers, "retry-after") : NULL;
    if (!value)
        return 0;
    while (*value == ' ')
        value++;
    uint64_t seconds = 0;
    const char *end = value;
    while (*end >= '0' && *end <= '9' && end - value < 12)
        seconds = seconds * 10 + (uint64_t)(*end++ - '0');
    if (end != value && !*end)
        return seconds * 1000;
    uint64_t at;
    return http_date(value, &at) && at > now ? at - now : 0;
}

static void escape(jf_buffer *out, const char *text)
{
    static const char digits_of[] = "0123456789ABCDEF";
    for (; *text; text++) {
        uint8_t byte = (uint8_t)*text;
        bool plain = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
                     (byte >= '0' && byte <= '9') || strchr("*-._", byte);
        if (plain)
            jf_append(out, text, 1);
        else if (byte == ' ')
            jf_append(out, "+", 1);
        else
            jf_append(out, (char[]){'%', digits_of[byte >> 4], digits_of[byte & 15]}, 3);
    }
}

const char *jf_form(const jf_value *object)
{
    jf_buffer out = {0};
    for (size_t i = 0; i < jf_count(object); i++) {
        const jf_value *value = jf_at(object, i);
        if (i)
            jf_append(&out, "&", 1);
        escape(&out, jf_name_at(object, i));
        jf_append(&out, "=", 1);
        escape(&out, jf_text(value, jf_json(value)));
    }
    return jf_buffered(&out);
}

static const char *unescape(const char *start, size_t length)
{
    uint8_t *bytes = jf_alloc(length + 1);
    size_t size = 0;
    for (size_t i = 0; i < length; i++) {
        jf_bytes byte;
        char pair[] = {i + 2 < length ? start[i + 1] : 0, i + 2 < length ? start[i + 2] : 0, 0};
        if (start[i] == '%' && pair[0] && jf_unhex(pair, &byte)) {
            bytes[size++] = byte.data[0];
            i += 2;
        } else {
            bytes[size++] = start[i] == '+' ? ' ' : (uint8_t)start[i];
        }
    }
    return jf_text_of_bytes((jf_bytes){bytes, size});
}

const jf_value *jf_form_read(const char *form)
{
    jf_value *object = jf_object();
    while (*form) {
        size_t length = strcspn(form, "&");
        const char *equals = memchr(form, '=', length);
        size_t name = equals ? (size_t)(equals - form) : length;
        if (length)
            jf_set(object, unescape(form, name),
                   equals ? unescape(equals + 1, length - name - 1) : "");
        form += length + (form[length] == '&');
    }
    return object;
}
