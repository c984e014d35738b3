/**
 * JSON values: looking at them, making them, writing them. Reading is in json_read.c.
 *
 * A number is kept as it is written, so that nothing is lost on its way through; it becomes a
 * `double` only where one is asked for, and a plugin that asks for none has no `strtod` in it.
 */
#include "json.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const jf_value null_value = {.type = JF_NULL};

static jf_value *new_value(jf_json_type type)
{
    jf_value *value = jf_alloc(sizeof *value);
    value->type = type;
    return value;
}

jf_json_type jf_type_of(const jf_value *value)
{
    return value ? value->type : JF_NOTHING;
}

const jf_value *jf_get(const jf_value *object, const char *name)
{
    if (jf_type_of(object) != JF_OBJECT || !name)
        return NULL;
    for (size_t i = object->count; i-- > 0;)
        if (strcmp(object->names[i], name) == 0)
            return object->items[i];
    return NULL;
}

size_t jf_count(const jf_value *value)
{
    jf_json_type type = jf_type_of(value);
    return type == JF_LIST || type == JF_OBJECT ? value->count : 0;
}

const jf_value *jf_at(const jf_value *value, size_t index)
{
    return index < jf_count(value) ? value->items[index] : NULL;
}

const char *jf_name_at(const jf_value *object, size_t index)
{
    return jf_type_of(object) == JF_OBJECT && index < object->count ? object->names[index] : NULL;
}

const char *jf_text(const jf_value *value, const char *otherwise)
{
    return jf_type_of(value) == JF_STRING ? value->text : otherwise;
}

double jf_number(const jf_value *value, double otherwise)
{
    if (jf_type_of(value) != JF_NUMBER)
        return otherwise;
    double number = strtod(value->text, NULL);
    return isfinite(number) ? number : otherwise;
}

int64_t jf_integer(const jf_value *value, int64_t otherwise)
{
    if (jf_type_of(value) != JF_NUMBER)
        return otherwise;
    /* The digits without the point, and where the point is: exact, where a double is not. */
    const char *at = value->text;
    bool negative = *at == '-';
    if (negative)
        at++;
    uint64_t digits = 0;
    long scale = 0;
    int zeros = 0; /* at the end of the digits, not yet counted in */
    bool fraction = false;
    for (; (*at >= '0' && *at <= '9') || *at == '.'; at++) {
        if (*at == '.') {
            fraction = true;
            continue;
        }
        if (fraction)
            scale--;
        if (*at == '0') {
            if (digits)
                zeros++;
            continue;
        }
        for (zeros++; zeros > 0; zeros--) {
            if (digits > (UINT64_MAX - 9) / 10)
                return otherwise;
            digits *= 10;
        }
        digits += (uint64_t)(*at - '0');
    }
    if (!digits)
        return 0;
    if (*at) {
        const long far = 100000000; /* more than a text has digits; keeps the sum within bounds */
        long exponent = strtol(at + 1, NULL, 10);
        scale += exponent > far ? far : exponent < -far ? -far : exponent;
    }
    scale += zeros;
    if (scale < 0 || scale > 19)
        return otherwise;
    for (; scale > 0; scale--) {
        if (digits > UINT64_MAX / 10)
            return otherwise;
        digits *= 10;
    }
    if (negative)
        return digits <= (uint64_t)INT64_MAX + 1 ? (int64_t)(0 - digits) : otherwise;
    return digits <= INT64_MAX ? (int64_t)digits : otherwise;
}

bool jf_boolean(const jf_value *value, bool otherwise)
{
    return jf_type_of(value) == JF_BOOLEAN ? value->boolean : otherwise;
}

static bool same_number(const jf_value *one, const jf_value *other)
{
    if (strcmp(one->text, other->text) == 0)
        return true;
    int64_t a = jf_integer(one, INT64_MIN), b = jf_integer(other, INT64_MIN);
    if (a != INT64_MIN || b != INT64_MIN)
        return a == b;
    return jf_number(one, 0) == jf_number(other, 0);
}

bool jf_same(const jf_value *one, const jf_value *other)
{
    jf_json_type type = jf_type_of(one);
    if (type != jf_type_of(other))
        return false;
    switch (type) {
    case JF_NOTHING:
    case JF_NULL:
        return true;
    case JF_BOOLEAN:
        return one->boolean == other->boolean;
    case JF_NUMBER:
        return same_number(one, other);
    case JF_STRING:
        return strcmp(one->text, other->text) == 0;
    case JF_LIST:
    case JF_OBJECT:
        break;
    }
    if (one->count != other->count)
        return false;
    for (size_t i = 0; i < one->count; i++) {
        const jf_value *there = type == JF_LIST ? other->items[i] : jf_get(other, one->names[i]);
        if (!jf_same(one->items[i], there))
            return false;
    }
    return true;
}

jf_value *jf_object(void)
{
    return new_value(JF_OBJECT);
}

jf_value *jf_list(void)
{
    return new_value(JF_LIST);
}

const jf_value *jf_null(void)
{
    return &null_value;
}

const jf_value *jf_of_text(const char *text)
{
    return text ? jf_string(jf_kept(text)) : jf_null();
}

const jf_value *jf_string(const char *kept)
{
    jf_value *value = new_value(JF_STRING);
    value->text = kept;
    return value;
}

static const jf_value *number(const char *text)
{
    jf_value *value = new_value(JF_NUMBER);
    value->text = text;
    return value;
}

const jf_value *jf_of_number(double from)
{
    if (!isfinite(from))
        return jf_null();
    /* The shortest of these that means the same number. */
    const char *text = "";
    for (int digits = 15; digits <= 17; digits++) {
        text = jf_format("%.*g", digits, from);
        if (strtod(text, NULL) == from)
            break;
    }
    return number(text);
}

/* By hand, so that making an integer does not bring `printf` along. */
static const char *decimal(uint64_t from, bool negative)
{
    char digits[22] = "";
    size_t start = sizeof digits - 1;
    do {
        digits[--start] = (char)('0' + from % 10);
        from /= 10;
    } while (from);
    if (negative)
        digits[--start] = '-';
    return jf_kept(digits + start);
}

const jf_value *jf_of_integer(int64_t from)
{
    return number(decimal(from < 0 ? 0 - (uint64_t)from : (uint64_t)from, from < 0));
}

const jf_value *jf_of_unsigned(uint64_t from)
{
    return number(decimal(from, false));
}

const jf_value *jf_of_boolean(bool from)
{
    jf_value *value = new_value(JF_BOOLEAN);
    value->boolean = from;
    return value;
}

const jf_value *jf_of_value(const jf_value *value)
{
    return value ? value : jf_null();
}

void jf_grow(jf_value *container, const char *name, const jf_value *item)
{
    if (container->count == container->capacity) {
        size_t capacity = container->capacity ? container->capacity * 2 : 4;
        const jf_value **items = jf_alloc(capacity * sizeof *items);
        if (container->count)
            memcpy(items, container->items, container->count * sizeof *items);
        container->items = items;
        if (container->type == JF_OBJECT) {
            const char **names = jf_alloc(capacity * sizeof *names);
            if (container->count)
                memcpy(names, container->names, container->count * sizeof *names);
            container->names = names;
        }
        container->capacity = capacity;
    }
    container->items[container->count] = item;
    if (container->type == JF_OBJECT)
        container->names[container->count] = name;
    container->count++;
}

void jf_set_value(jf_value *object, const char *name, const jf_value *value)
{
    if (jf_type_of(object) != JF_OBJECT || !name)
        return;
    for (size_t i = object->count; i-- > 0;) {
        if (strcmp(object->names[i], name) == 0) {
            object->items[i] = jf_of_value(value);
            return;
        }
    }
    jf_grow(object, jf_kept(name), jf_of_value(value));
}

void jf_set_some(jf_value *object, const char *name, const char *text)
{
    if (text)
        jf_set_value(object, name, jf_of_text(text));
}

void jf_add_value(jf_value *list, const jf_value *value)
{
    if (jf_type_of(list) == JF_LIST)
        jf_grow(list, NULL, jf_of_value(value));
}

static void write_text(jf_buffer *out, const char *text)
{
    static const char digits[] = "0123456789abcdef";
    const uint8_t *at = (const uint8_t *)text;
    size_t length = strlen(text);
    jf_append(out, "\"", 1);
    for (size_t i = 0; i < length;) {
        size_t start = i;
        while (i < length && at[i] >= 0x20 && at[i] != '"' && at[i] != '\\') {
            size_t step = at[i] < 0x80 ? 1 : jf_utf8(at + i, length - i);
            if (!step)
                break;
            i += step;
        }
        jf_append(out, at + start, i - start);
        if (i == length)
            break;
        uint8_t odd = at[i++];
        const char *known = odd ? strchr("\"\"\\\\\nn\rr\tt", odd) : NULL;
        if (odd >= 0x80) { /* no UTF-8, which no JSON may hold */
            jf_append(out, JF_REPLACEMENT, strlen(JF_REPLACEMENT));
        } else if (known) {
            jf_append(out, (char[]){'\\', known[1]}, 2);
        } else {
            jf_append(out, (char[]){'\\', 'u', '0', '0', digits[odd >> 4], digits[odd & 15]}, 6);
        }
    }
    jf_append(out, "\"", 1);
}

static void write_value(jf_buffer *out, const jf_value *value)
{
    switch (jf_type_of(value)) {
    case JF_NOTHING:
    case JF_NULL:
        jf_append(out, "null", 4);
        return;
    case JF_BOOLEAN:
        jf_append(out, value->boolean ? "true" : "false", value->boolean ? 4 : 5);
        return;
    case JF_NUMBER:
        jf_append(out, value->text, strlen(value->text));
        return;
    case JF_STRING:
        write_text(out, value->text);
        return;
    case JF_LIST:
    case JF_OBJECT:
        break;
    }
    bool list = value->type == JF_LIST;
    jf_append(out, list ? "[" : "{", 1);
    for (size_t i = 0; i < value->count; i++) {
        if (i)
            jf_append(out, ",", 1);
        if (!list) {
            write_text(out, value->names[i]);
            jf_append(out, ":", 1);
        }
        write_value(out, value->items[i]);
    }
    jf_append(out, list ? "]" : "}", 1);
}

const char *jf_json(const jf_value *value)
{
    jf_buffer out = {0};
    write_value(&out, value);
    return jf_buffered(&out);
}
