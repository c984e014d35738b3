/**
 * Reading JSON: a recursive descent, strictly as RFC 8259 has it.
 *
 * The input may come from anywhere (a provider's webhook). What must hold: no byte is read past the
 * end, the depth is bounded (so the stack is), the memory is linear in the size of the input, and
 * what is read holds nothing but valid UTF-8 without a NUL.
 */
#include "json.h"

#include <string.h>

typedef struct reader {
    const uint8_t *at;
    const uint8_t *end;
    const char *mistake;
} reader;

static const jf_value *read_value(reader *in, int depth);

static void *wrong(reader *in, const char *what)
{
    if (!in->mistake)
        in->mistake = what;
    return NULL;
}

static void skip_space(reader *in)
{
    while (in->at < in->end &&
           (*in->at == ' ' || *in->at == '\n' || *in->at == '\r' || *in->at == '\t'))
        in->at++;
}

static bool take(reader *in, char wanted)
{
    if (in->at == in->end || *in->at != (uint8_t)wanted)
        return false;
    in->at++;
    return true;
}

static bool take_word(reader *in, const char *word)
{
    size_t length = strlen(word);
    if ((size_t)(in->end - in->at) < length || memcmp(in->at, word, length) != 0)
        return false;
    in->at += length;
    return true;
}

/** Bytes that were looked at already: UTF-8, and no NUL among them. */
static const char *kept(const uint8_t *start, const uint8_t *end)
{
    size_t length = (size_t)(end - start);
    char *text = jf_alloc(length + 1); /* of zeros, so it ends */
    if (length)
        memcpy(text, start, length);
    return text;
}

static bool is_digit(const reader *in)
{
    return in->at < in->end && *in->at >= '0' && *in->at <= '9';
}

static bool take_digits(reader *in)
{
    if (!is_digit(in))
        return false;
    while (is_digit(in))
        in->at++;
    return true;
}

static const jf_value *read_number(reader *in)
{
    const uint8_t *start = in->at;
    take(in, '-');
    bool good = take(in, '0') || take_digits(in);
    if (good && take(in, '.'))
        good = take_digits(in);
    if (good && (take(in, 'e') || take(in, 'E'))) {
        if (!take(in, '+'))
            take(in, '-');
        good = take_digits(in);
    }
    if (!good)
        return wrong(in, "this is no number");
    jf_value *value = jf_alloc(sizeof *value);
    value->type = JF_NUMBER;
    value->text = kept(start, in->at);
    return value;
}

/* The four digits after `\u`; -1 where they are none. */
static int32_t read_unit(reader *in)
{
    if (in->end - in->at < 4)
        return -1;
    int32_t unit = 0;
    for (int i = 0; i < 4; i++) {
        uint8_t digit = *in->at++;
        int value = digit >= '0' && digit <= '9'   ? digit - '0'
                    : digit >= 'a' && digit <= 'f' ? digit - 'a' + 10
                    : digit >= 'A' && digit <= 'F' ? digit - 'A' + 10
                                                   : -1;
        if (value < 0)
            return -1;
        unit = unit << 4 | value;
    }
    return unit;
}

static bool read_escape(reader *in, jf_buffer *text)
{
    if (in->at == in->end)
        return false;
    uint8_t escape = *in->at++;
    if (escape != 'u') {
        static const char known[] = "\"\"\\\\//b\bf\fn\nr\rt\t";
        for (size_t i = 0; known[i]; i += 2) {
            if ((uint8_t)known[i] == escape) {
                jf_append(text, known + i + 1, 1);
                return true;
            }
        }
        return false;
    }
    int32_t code = read_unit(in);
    if (code >= 0xD800 && code <= 0xDBFF) {
        int32_t low = take(in, '\\') && take(in, 'u') ? read_unit(in) : -1;
        if (low < 0xDC00 || low > 0xDFFF)
            return false;
        code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
    } else if (code < 0 || (code >= 0xDC00 && code <= 0xDFFF)) {
        return false;
    }
    if (!code)
        code = 0xFFFD; /* our texts end with a NUL */
    uint8_t bytes[4];
    size_t length = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    static const uint8_t marks[] = {0, 0, 0xC0, 0xE0, 0xF0};
    for (size_t i = length; i-- > 1; code >>= 6)
        bytes[i] = (uint8_t)(0x80 | (code & 0x3F));
    bytes[0] = (uint8_t)(marks[length] | code);
    jf_append(text, bytes, length);
    return true;
}

/* After the opening quote. */
static const char *read_text(reader *in)
{
    jf_buffer text = {0};
    for (;;) {
        const uint8_t *start = in->at;
        while (in->at < in->end && *in->at >= 0x20 && *in->at != '"' && *in->at != '\\') {
            size_t step = *in->at < 0x80 ? 1 : jf_utf8(in->at, (size_t)(in->end - in->at));
            if (!step)
                break;
            in->at += step;
        }
        if (in->at == in->end)
            return wrong(in, "a text does not end");
        if (take(in, '"')) {
            if (!text.length) /* the common case: no escape, and a copy of the exact size */
                return kept(start, in->at - 1);
            jf_append(&text, start, (size_t)(in->at - 1 - start));
            return jf_buffered(&text);
        }
        jf_append(&text, start, (size_t)(in->at - start));
        if (!take(in, '\\'))
            return wrong(in, *in->at < 0x20 ? "a text holds a control character"
                                            : "a text is not in UTF-8");
        if (!read_escape(in, &text))
            return wrong(in, "a text holds an escape that there is not");
    }
}

static const jf_value *read_list(reader *in, int depth)
{
    jf_value *list = jf_list();
    skip_space(in);
    if (take(in, ']'))
        return list;
    for (;;) {
        const jf_value *item = read_value(in, depth);
        if (!item)
            return NULL;
        jf_grow(list, NULL, item);
        skip_space(in);
        if (take(in, ']'))
            return list;
        if (!take(in, ','))
            return wrong(in, "a list wants a comma or its end");
    }
}

static const jf_value *read_object(reader *in, int depth)
{
    jf_value *object = jf_object();
    skip_space(in);
    if (take(in, '}'))
        return object;
    for (;;) {
        skip_space(in);
        if (!take(in, '"'))
            return wrong(in, "an object wants the name of a member");
        const char *name = read_text(in);
        if (!name)
            return NULL;
        skip_space(in);
        if (!take(in, ':'))
            return wrong(in, "a member wants a colon after its name");
        const jf_value *item = read_value(in, depth);
        if (!item)
            return NULL;
        jf_grow(object, name, item);
        skip_space(in);
        if (take(in, '}'))
            return object;
        if (!take(in, ','))
            return wrong(in, "an object wants a comma or its end");
    }
}

static const jf_value *read_value(reader *in, int depth)
{
    skip_space(in);
    if (in->at == in->end)
        return wrong(in, "it ends too early");
    if (depth == JF_DEPTH && (*in->at == '[' || *in->at == '{'))
        return wrong(in, "lists and objects stand too deep in each other");
    if (take(in, '{'))
        return read_object(in, depth + 1);
    if (take(in, '['))
        return read_list(in, depth + 1);
    if (take(in, '"')) {
        const char *text = read_text(in);
        return text ? jf_string(text) : NULL;
    }
    if (take_word(in, "null"))
        return jf_null();
    if (take_word(in, "true"))
        return jf_of_boolean(true);
    if (take_word(in, "false"))
        return jf_of_boolean(false);
    if (*in->at == '-' || is_digit(in))
        return read_number(in);
    return wrong(in, "this begins no value");
}

const jf_value *jf_parse_bytes(const void *json, size_t size, const char **reason)
{
    reader in = {.at = json, .end = (const uint8_t *)json + size};
    const jf_value *value = json ? read_value(&in, 0) : wrong(&in, "there is nothing");
    if (value) {
        skip_space(&in);
        if (in.at != in.end)
            value = wrong(&in, "something stands after the value");
    }
    if (!value && reason)
        *reason = jf_format("%s (byte %zu)", in.mistake, (size_t)(in.at - (const uint8_t *)json));
    return value;
}

const jf_value *jf_parse(const char *json, const char **reason)
{
    return jf_parse_bytes(json, json ? strlen(json) : 0, reason);
}
