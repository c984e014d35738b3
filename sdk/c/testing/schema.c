/**
 * JSON Schema (2020-12), as much of it as the published schemas and those of settings use.
 *
 * What must hold: a word that is not known here is no mistake of the value; the host, which knows
 * all of them, has the last word.
 */
#include "internal.h"

#include <regex.h>
#include <stdlib.h>
#include <string.h>

/** A value under a schema: the schema's root is where `$ref` leads. */
typedef struct look {
    const jf_value *root;
    const char *place;
} look;

static const char *breaks(look here, const jf_value *schema, const jf_value *value);

static look inside(look here, const char *name)
{
    return (look){here.root, jf_format("%s/%s", here.place, name)};
}

static const char *is_wrong(look here, const char *what)
{
    return jf_format("%s: %s", *here.place ? here.place : "(all)", what);
}

static bool is_of_type(const char *type, const jf_value *value)
{
    static const struct {
        const char *name;
        jf_json_type type;
    } types[] = {{"null", JF_NULL},   {"boolean", JF_BOOLEAN}, {"number", JF_NUMBER},
                 {"string", JF_STRING}, {"array", JF_LIST},    {"object", JF_OBJECT}};
    if (jf_equal(type, "integer")) {
        double number = jf_number(value, 0.5);
        return number == (double)(long long)number;
    }
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (jf_equal(type, types[i].name))
            return jf_type_of(value) == types[i].type;
    return false;
}

static const char *type_breaks(look here, const jf_value *type, const jf_value *value)
{
    bool good = jf_type_of(type) == JF_STRING && is_of_type(jf_text(type, ""), value);
    for (size_t i = 0; i < jf_count(type); i++)
        good = good || is_of_type(jf_text(jf_at(type, i), ""), value);
    return good ? NULL : is_wrong(here, jf_format("is not of type %s", jf_json(type)));
}

static size_t characters(const char *text)
{
    size_t count = 0;
    for (; *text; text++)
        count += (*text & 0xC0) != 0x80;
    return count;
}

static const char *text_breaks(look here, const jf_value *schema, const char *text)
{
    double length = (double)characters(text);
    if (length > jf_number(jf_get(schema, "maxLength"), length))
        return is_wrong(here, "is too long");
    if (length < jf_number(jf_get(schema, "minLength"), 0))
        return is_wrong(here, "is too short");
    const char *pattern = jf_text(jf_get(schema, "pattern"), NULL);
    regex_t expression;
    if (!pattern || regcomp(&expression, pattern, REG_EXTENDED | REG_NOSUB) != 0)
        return NULL;
    bool matches = regexec(&expression, text, 0, NULL, 0) == 0;
    regfree(&expression);
    return matches ? NULL : is_wrong(here, jf_format("does not match %s", pattern));
}

static const char *number_breaks(look here, const jf_value *schema, double number)
{
    if (number < jf_number(jf_get(schema, "minimum"), number) ||
        number <= jf_number(jf_get(schema, "exclusiveMinimum"), number - 1))
        return is_wrong(here, "is too small");
    if (number > jf_number(jf_get(schema, "maximum"), number) ||
        number >= jf_number(jf_get(schema, "exclusiveMaximum"), number + 1))
        return is_wrong(here, "is too large");
    return NULL;
}

static const char *list_breaks(look here, const jf_value *schema, const jf_value *list)
{
    double count = (double)jf_count(list);
    if (count > jf_number(jf_get(schema, "maxItems"), count))
        return is_wrong(here, "has too many items");
    if (count < jf_number(jf_get(schema, "minItems"), 0))
        return is_wrong(here, "has too few items");
    const jf_value *items = jf_get(schema, "items");
    const char *mistake = NULL;
    for (size_t i = 0; items && i < jf_count(list) && !mistake; i++)
        mistake = breaks(inside(here, jf_format("%zu", i)), items, jf_at(list, i));
    return mistake;
}

static const char *object_breaks(look here, const jf_value *schema, const jf_value *object)
{
    const jf_value *properties = jf_get(schema, "properties");
    const jf_value *required = jf_get(schema, "required");
    const jf_value *more = jf_get(schema, "additionalProperties");
    for (size_t i = 0; i < jf_count(required); i++) {
        const char *name = jf_text(jf_at(required, i), "");
        if (!jf_get(object, name))
            return is_wrong(here, jf_format("lacks `%s`", name));
    }
    for (size_t i = 0; i < jf_count(object); i++) {
        const char *name = jf_name_at(object, i);
        const jf_value *property = jf_get(properties, name);
        if (!property && jf_type_of(more) == JF_BOOLEAN && !jf_boolean(more, true))
            return is_wrong(here, jf_format("does not know `%s`", name));
        const char *mistake =
            breaks(inside(here, name), property ? property : more, jf_at(object, i));
        if (mistake)
            return mistake;
    }
    return NULL;
}

/** `enum` and `const`. */
static const char *choice_breaks(look here, const jf_value *schema, const jf_value *value)
{
    const jf_value *only = jf_get(schema, "const");
    if (only && !jf_same(only, value))
        return is_wrong(here, jf_format("is not %s", jf_json(only)));
    const jf_value *choices = jf_get(schema, "enum");
    for (size_t i = 0; i < jf_count(choices); i++)
        if (jf_same(jf_at(choices, i), value))
            return NULL;
    return choices ? is_wrong(here, jf_format("is none of %s", jf_json(choices))) : NULL;
}

/** `oneOf` and `anyOf`; the mistake that is told is that of the branch
 *  whose `type` the value has. */
static const char *alternative_breaks(look here, const jf_value *schema, const jf_value *value)
{
    const jf_value *one_of = jf_get(schema, "oneOf");
    const jf_value *branches = one_of ? one_of : jf_get(schema, "anyOf");
    const char *closest = NULL;
    size_t good = 0;
    for (size_t i = 0; i < jf_count(branches); i++) {
        const jf_value *branch = jf_at(branches, i);
        const jf_value *type = jf_get(jf_get(branch, "properties"), "type");
        const char *mistake = breaks(here, branch, value);
        good += !mistake;
        if (!closest || !choice_breaks(here, type, jf_get(value, "type")))
            closest = mistake;
    }
    if (!branches || good == 1 || (good && !one_of))
        return NULL;
    return good ? is_wrong(here, "is several things at once") : closest;
}

static const char *breaks(look here, const jf_value *schema, const jf_value *value)
{
    if (jf_type_of(schema) != JF_OBJECT)
        return NULL;
    const char *reference = jf_text(jf_get(schema, "$ref"), NULL);
    if (jf_starts_with(reference, "#/$defs/"))
        return breaks(here, jf_get(jf_get(here.root, "$defs"), reference + strlen("#/$defs/")),
                      value);
    const jf_value *type = jf_get(schema, "type");
    const char *mistake = type ? type_breaks(here, type, value) : NULL;
    if (!mistake)
        mistake = choice_breaks(here, schema, value);
    if (!mistake)
        mistake = alternative_breaks(here, schema, value);
    if (mistake)
        return mistake;
    switch (jf_type_of(value)) {
    case JF_STRING:
        return text_breaks(here, schema, jf_text(value, ""));
    case JF_NUMBER:
        return number_breaks(here, schema, jf_number(value, 0));
    case JF_LIST:
        return list_breaks(here, schema, value);
    case JF_OBJECT:
        return object_breaks(here, schema, value);
    default:
        return NULL;
    }
}

const char *jf_breaks(const jf_value *schema, const jf_value *value)
{
    return breaks((look){schema, ""}, schema, value);
}

const jf_value *jf_published(const char *name)
{
    /* This file stands in sdk/c/testing, and the contract in wit, of the same folder. */
    const char *slash = strrchr(__FILE__, '/');
    const char *path = jf_format("%.*s../../../wit/schemas/%s.schema.json",
                                 slash ? (int)(slash + 1 - __FILE__) : 0, __FILE__, name);
    FILE *file = fopen(path, "rb");
    if (!file)
        jf_test_wrong(__FILE__, __LINE__, "the contract is not at %s", path);
    jf_buffer text = {0};
    char part[4096];
    size_t size;
    while ((size = fread(part, 1, sizeof part, file)) > 0)
        jf_append(&text, part, size);
    fclose(file);
    return jf_json_of(path, jf_buffered(&text));
}
