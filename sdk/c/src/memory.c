/**
 * Texts and bytes: everything of memory.h but `jf_alloc`, which the sandbox and the test host each
 * have their own of.
 */
#include "internal.h"

#include <stdio.h>
#include <string.h>

void jf_append(jf_buffer *buffer, const void *bytes, size_t length)
{
    if (length > buffer->capacity - buffer->length) {
        size_t capacity = buffer->capacity ? buffer->capacity * 2 : 64;
        while (capacity - buffer->length < length)
            capacity *= 2;
        char *grown = jf_alloc(capacity);
        if (buffer->length)
            memcpy(grown, buffer->at, buffer->length);
        buffer->at = grown;
        buffer->capacity = capacity;
    }
    if (length)
        memcpy(buffer->at + buffer->length, bytes, length);
    buffer->length += length;
}

const char *jf_buffered(jf_buffer *buffer)
{
    jf_append(buffer, "", 1);
    return buffer->at;
}

const char *jf_format_list(const char *format, va_list arguments)
{
    va_list again;
    va_copy(again, arguments);
    int length = vsnprintf(NULL, 0, format, again);
    va_end(again);
    if (length < 0) /* a wide character that cannot be shown */
        return "";
    char *text = jf_alloc((size_t)length + 1);
    vsnprintf(text, (size_t)length + 1, format, arguments);
    return text;
}

const char *jf_format(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    const char *text = jf_format_list(format, arguments);
    va_end(arguments);
    return text;
}

size_t jf_utf8(const uint8_t *at, size_t available)
{
    if (!available)
        return 0;
    uint8_t first = at[0];
    if (first < 0x80)
        return 1;
    size_t length = first >= 0xC2 && first <= 0xDF ? 2
                    : (first & 0xF0) == 0xE0       ? 3
                    : first >= 0xF0 && first <= 0xF4 ? 4
                                                     : 0;
    if (!length || length > available)
        return 0;
    for (size_t i = 1; i < length; i++)
        if ((at[i] & 0xC0) != 0x80)
            return 0;
    /* Overlong forms, surrogates, and what is past U+10FFFF. */
    bool wrong = (first == 0xE0 && at[1] < 0xA0) || (first == 0xED && at[1] > 0x9F) ||
                 (first == 0xF0 && at[1] < 0x90) || (first == 0xF4 && at[1] > 0x8F);
    return wrong ? 0 : length;
}

bool jf_is_text(const void *bytes, size_t length)
{
    const uint8_t *at = bytes;
    for (size_t i = 0; i < length;) {
        size_t step = at[i] < 0x80 ? at[i] != 0 : jf_utf8(at + i, length - i);
        if (!step)
            return false;
        i += step;
    }
    return true;
}

const char *jf_text_of_bytes(jf_bytes bytes)
{
    jf_buffer text = {0};
    for (size_t i = 0; i < bytes.size;) {
        size_t start = i;
        size_t step;
        while (i < bytes.size && bytes.data[i] && (step = jf_utf8(bytes.data + i, bytes.size - i)))
            i += step;
        jf_append(&text, bytes.data + start, i - start);
        if (i < bytes.size) {
            jf_append(&text, JF_REPLACEMENT, strlen(JF_REPLACEMENT));
            i++;
        }
    }
    return jf_buffered(&text);
}

const char *jf_text_of(const char *start, size_t length)
{
    return jf_text_of_bytes((jf_bytes){(const uint8_t *)start, length});
}

const char *jf_kept(const char *text)
{
    if (!text)
        return NULL;
    size_t size = strlen(text) + 1;
    return memcpy(jf_alloc(size), text, size);
}

bool jf_equal(const char *one, const char *other)
{
    if (!one || !other)
        return one == other;
    return strcmp(one, other) == 0;
}

bool jf_starts_with(const char *text, const char *start)
{
    return text && start && strncmp(text, start, strlen(start)) == 0;
}

jf_bytes jf_bytes_of(const char *text)
{
    return (jf_bytes){(const uint8_t *)text, text ? strlen(text) : 0};
}

const char *jf_hex(jf_bytes bytes)
{
    static const char digits[] = "0123456789abcdef";
    char *text = jf_alloc(bytes.size * 2 + 1);
    for (size_t i = 0; i < bytes.size; i++) {
        text[2 * i] = digits[bytes.data[i] >> 4];
        text[2 * i + 1] = digits[bytes.data[i] & 15];
    }
    return text;
}

static int hex_digit(char digit)
{
    if (digit >= '0' && digit <= '9')
        return digit - '0';
    if (digit >= 'a' && digit <= 'f')
        return digit - 'a' + 10;
    if (digit >= 'A' && digit <= 'F')
        return digit - 'A' + 10;
    return -1;
}

bool jf_unhex(const char *text, jf_bytes *bytes)
{
    size_t length = text ? strlen(text) : 0;
    if (!text || length % 2)
        return false;
    uint8_t *data = jf_alloc(length / 2);
    for (size_t i = 0; i < length / 2; i++) {
        int high = hex_digit(text[2 * i]), low = hex_digit(text[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        data[i] = (uint8_t)(high << 4 | low);
    }
    *bytes = (jf_bytes){data, length / 2};
    return true;
}

static const char base64_digits[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

const char *jf_base64(jf_bytes bytes)
{
    char *text = jf_alloc((bytes.size + 2) / 3 * 4 + 1);
    char *out = text;
    for (size_t i = 0; i < bytes.size; i += 3) {
        size_t left = bytes.size - i;
        uint32_t group = (uint32_t)bytes.data[i] << 16 |
                         (left > 1 ? (uint32_t)bytes.data[i + 1] << 8 : 0) |
                         (left > 2 ? bytes.data[i + 2] : 0);
        *out++ = base64_digits[group >> 18];
        *out++ = base64_digits[group >> 12 & 63];
        *out++ = left > 1 ? base64_digits[group >> 6 & 63] : '=';
        *out++ = left > 2 ? base64_digits[group & 63] : '=';
    }
    return text;
}

bool jf_unbase64(const char *text, jf_bytes *bytes)
{
    size_t length = text ? strlen(text) : 0;
    if (!text || length % 4)
        return false;
    size_t padding = length && text[length - 1] == '=' ? (text[length - 2] == '=' ? 2 : 1) : 0;
    uint8_t *data = jf_alloc(length / 4 * 3);
    uint32_t group = 0;
    for (size_t i = 0; i < length; i++) {
        const char *digit =
            i < length - padding ? memchr(base64_digits, text[i], 64) : base64_digits;
        if (!digit)
            return false;
        group = group << 6 | (uint32_t)(digit - base64_digits);
        if (i % 4 == 3) {
            data[i / 4 * 3] = (uint8_t)(group >> 16);
            data[i / 4 * 3 + 1] = (uint8_t)(group >> 8);
            data[i / 4 * 3 + 2] = (uint8_t)group;
            group = 0;
        }
    }
    *bytes = (jf_bytes){data, length / 4 * 3 - padding};
    return true;
}
