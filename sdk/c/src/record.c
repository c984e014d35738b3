/**
 * Declared structs: reading, writing and the schema, one small table of functions for each kind.
 *
 * Nothing here switches over the kinds: a plugin that declares no `number` links none of what reads
 * one. Members are read and written at their offsets, which the compiler has computed.
 */
#include "internal.h"

#include <string.h>

/** A place within a value, for mistakes; each level stands in the frame of its function. */
typedef struct place {
    const struct place *outer;
    const char *name;
    size_t index;
} place;

struct jf_kind {
    /** Reads a value that is not `null` where the field may be. */
    bool (*read)(const jf_field *field, const jf_value *value, void *member, const place *here,
                 jf_mistake *mistake);
    /** NULL where the member is zero. */
    const jf_value *(*write)(const jf_field *field, const void *member);
    /** The value of a required member that is zero. */
    const jf_value *(*zero)(void);
    /** The type's own words of the schema, beside the description. */
    void (*schema)(const jf_field *field, jf_value *schema);
    const char *type;
};

static bool read_fields(const jf_type *type, const jf_value *value, void *into, const place *here,
                        jf_mistake *mistake);
static jf_value *write_fields(const jf_type *type, const void *from);
static jf_value *schema_of(const jf_type *type);

static const char *place_text(const place *here)
{
    if (!here)
        return "";
    const char *outer = place_text(here->outer);
    if (!here->name)
        return jf_format("%s[%zu]", outer, here->index);
    return *outer ? jf_format("%s.%s", outer, here->name) : here->name;
}

static bool wrong(jf_mistake *mistake, const place *here, const char *reason)
{
    *mistake = (jf_mistake){.place = place_text(here), .reason = reason};
    return false;
}

static bool expected(jf_mistake *mistake, const place *here, const char *what,
                     const jf_value *found)
{
    const char *shown = jf_json(found);
    const char *more = strlen(shown) > 60 ? "..." : "";
    return wrong(mistake, here, jf_format("expected %s, found %.60s%s", what, shown, more));
}

/** The name of a field as it is written. */
static const char *name_of(const jf_type *type, const jf_field *field)
{
    if (!type->kebab || !strchr(field->member, '_'))
        return field->member;
    size_t length = strlen(field->member);
    char *name = jf_alloc(length + 1);
    for (size_t i = 0; i < length; i++)
        name[i] = field->member[i] == '_' ? '-' : field->member[i];
    return name;
}

/* text */

static const char *choices_text(const jf_field *field)
{
    const char *list = "one of";
    for (size_t i = 0; field->choices[i]; i++)
        list = jf_format("%s%s `%s`", list, i ? "," : "", field->choices[i]);
    return list;
}

static bool read_text(const jf_field *field, const jf_value *value, void *member, const place *here,
                      jf_mistake *mistake)
{
    const char *text = jf_text(value, NULL);
    if (!text)
        return expected(mistake, here, "a text", value);
    if (field->choices[0]) {
        size_t i = 0;
        while (field->choices[i] && strcmp(field->choices[i], text) != 0)
            i++;
        if (!field->choices[i])
            return expected(mistake, here, choices_text(field), value);
    }
    *(const char **)member = text;
    return true;
}

static const jf_value *write_text(const jf_field *field, const void *member)
{
    (void)field;
    const char *text = *(const char *const *)member;
    return text ? jf_of_text(text) : NULL;
}

static void text_schema(const jf_field *field, jf_value *schema)
{
    if (!field->choices[0])
        return;
    jf_value *choices = jf_list();
    for (size_t i = 0; field->choices[i]; i++)
        jf_add(choices, field->choices[i]);
    if (!field->required && !field->fallback)
        jf_add(choices, jf_null());
    jf_set(schema, "enum", choices);
}

static void no_more(const jf_field *field, jf_value *schema)
{
    (void)field;
    (void)schema;
}

const jf_kind jf_kind_text = {read_text, write_text, jf_null, text_schema, "string"};

/* integer, number, boolean */

static bool read_integer(const jf_field *field, const jf_value *value, void *member,
                         const place *here, jf_mistake *mistake)
{
    (void)field;
    int64_t integer = jf_integer(value, 1);
    if (integer == 1 && jf_integer(value, 2) == 2) /* it was neither, so it is none */
        return expected(mistake, here, "an integer", value);
    *(int64_t *)member = integer;
    return true;
}

static const jf_value *write_integer(const jf_field *field, const void *member)
{
    (void)field;
    int64_t integer = *(const int64_t *)member;
    return integer ? jf_of_integer(integer) : NULL;
}

static const jf_value *zero_number(void)
{
    return jf_of_integer(0);
}

const jf_kind jf_kind_integer = {read_integer, write_integer, zero_number, no_more, "integer"};

static bool read_number(const jf_field *field, const jf_value *value, void *member,
                        const place *here, jf_mistake *mistake)
{
    (void)field;
    double number = jf_number(value, 1);
    if (number == 1 && jf_number(value, 2) == 2)
        return expected(mistake, here, "a number", value);
    *(double *)member = number;
    return true;
}

static const jf_value *write_number(const jf_field *field, const void *member)
{
    (void)field;
    double number = *(const double *)member;
    return number != 0 ? jf_of_number(number) : NULL;
}

const jf_kind jf_kind_number = {read_number, write_number, zero_number, no_more, "number"};

static bool read_boolean(const jf_field *field, const jf_value *value, void *member,
                         const place *here, jf_mistake *mistake)
{
    (void)field;
    if (jf_type_of(value) != JF_BOOLEAN)
        return expected(mistake, here, "true or false", value);
    *(bool *)member = jf_boolean(value, false);
    return true;
}

static const jf_value *write_boolean(const jf_field *field, const void *member)
{
    (void)field;
    return *(const bool *)member ? jf_of_boolean(true) : NULL;
}

static const jf_value *zero_boolean(void)
{
    return jf_of_boolean(false);
}

const jf_kind jf_kind_boolean = {read_boolean, write_boolean, zero_boolean, no_more, "boolean"};

/* texts */

static bool read_texts(const jf_field *field, const jf_value *value, void *member,
                       const place *here, jf_mistake *mistake)
{
    (void)field;
    if (jf_type_of(value) != JF_LIST)
        return expected(mistake, here, "a list of texts", value);
    size_t count = jf_count(value);
    const char **items = jf_alloc(count * sizeof *items);
    for (size_t i = 0; i < count; i++) {
        items[i] = jf_text(jf_at(value, i), NULL);
        if (!items[i])
            return expected(mistake, &(place){.outer = here, .index = i}, "a text", jf_at(value, i));
    }
    *(jf_texts *)member = (jf_texts){items, count};
    return true;
}

static const jf_value *write_texts(const jf_field *field, const void *member)
{
    (void)field;
    const jf_texts *texts = member;
    jf_value *list = jf_list();
    for (size_t i = 0; i < texts->count; i++)
        jf_add(list, texts->items[i]);
    return texts->count ? list : NULL;
}

static const jf_value *no_items(void)
{
    return jf_list();
}

static void texts_schema(const jf_field *field, jf_value *schema)
{
    (void)field;
    jf_value *items = jf_object();
    jf_set(items, "type", "string");
    jf_set(schema, "items", items);
}

const jf_kind jf_kind_texts = {read_texts, write_texts, no_items, texts_schema, "array"};

/* value */

static bool read_any(const jf_field *field, const jf_value *value, void *member, const place *here,
                     jf_mistake *mistake)
{
    (void)field;
    (void)here;
    (void)mistake;
    *(const jf_value **)member = value;
    return true;
}

static const jf_value *write_any(const jf_field *field, const void *member)
{
    (void)field;
    return *(const jf_value *const *)member;
}

const jf_kind jf_kind_value = {read_any, write_any, jf_null, no_more, NULL};

/* record */

static bool read_record(const jf_field *field, const jf_value *value, void *member,
                        const place *here, jf_mistake *mistake)
{
    const jf_type *type = field->of();
    void *record = jf_alloc(type->size);
    if (!read_fields(type, value, record, here, mistake))
        return false;
    memcpy(member, &record, sizeof record); /* a pointer to any type */
    return true;
}

static const jf_value *write_record(const jf_field *field, const void *member)
{
    const void *record;
    memcpy(&record, member, sizeof record);
    return record ? write_fields(field->of(), record) : NULL;
}

static void merge(jf_value *schema, const jf_value *more)
{
    for (size_t i = 0; i < jf_count(more); i++)
        jf_set(schema, jf_name_at(more, i), jf_at(more, i));
}

static void record_schema(const jf_field *field, jf_value *schema)
{
    merge(schema, schema_of(field->of()));
}

const jf_kind jf_kind_record = {read_record, write_record, jf_null, record_schema, "object"};

/* records */

/** Such a member, whatever its items are. */
typedef struct items {
    const void *items;
    size_t count;
} items;

static bool read_records(const jf_field *field, const jf_value *value, void *member,
                         const place *here, jf_mistake *mistake)
{
    const jf_type *type = field->of();
    if (jf_type_of(value) != JF_LIST)
        return expected(mistake, here, "a list", value);
    size_t count = jf_count(value);
    char *records = jf_alloc(count * type->size);
    for (size_t i = 0; i < count; i++) {
        place item = {.outer = here, .index = i};
        if (!read_fields(type, jf_at(value, i), records + i * type->size, &item, mistake))
            return false;
    }
    memcpy(member, &(items){records, count}, sizeof(items));
    return true;
}

static const jf_value *write_records(const jf_field *field, const void *member)
{
    const jf_type *type = field->of();
    items all;
    memcpy(&all, member, sizeof all);
    jf_value *list = jf_list();
    for (size_t i = 0; i < all.count; i++)
        jf_add(list, write_fields(type, (const char *)all.items + i * type->size));
    return all.count ? list : NULL;
}

static void records_schema(const jf_field *field, jf_value *schema)
{
    jf_set(schema, "items", schema_of(field->of()));
}

const jf_kind jf_kind_records = {read_records, write_records, no_items, records_schema, "array"};

/* The struct as a whole. */

static bool read_field(const jf_type *type, const jf_field *field, const jf_value *value,
                       void *member, const place *here, jf_mistake *mistake)
{
    bool open = !field->required && !field->fallback;
    if (open && jf_type_of(value) == JF_NULL)
        return true;
    if (value)
        return field->kind->read(field, value, member, here, mistake);
    if (field->required)
        return wrong(mistake, here, jf_format("missing field `%s`", name_of(type, field)));
    if (!field->fallback)
        return true;
    const jf_value *fallback = field->kind == &jf_kind_text ? jf_of_text(field->fallback)
                                                            : jf_parse(field->fallback, NULL);
    return field->kind->read(field, jf_of_value(fallback), member, here, mistake);
}

static bool is_known(const jf_type *type, const char *name)
{
    for (size_t i = 0; i < type->count; i++)
        if (strcmp(name_of(type, &type->fields[i]), name) == 0)
            return true;
    return false;
}

static const char *known_names(const jf_type *type)
{
    const char *names = type->count ? "expected" : "there are no fields";
    for (size_t i = 0; i < type->count; i++)
        names = jf_format("%s%s `%s`", names, i ? "," : "", name_of(type, &type->fields[i]));
    return names;
}

static bool read_fields(const jf_type *type, const jf_value *value, void *into, const place *here,
                        jf_mistake *mistake)
{
    if (jf_type_of(value) != JF_OBJECT)
        return expected(mistake, here, "an object", value);
    for (size_t i = 0; i < jf_count(value) && !type->open; i++) {
        const char *name = jf_name_at(value, i);
        if (!is_known(type, name)) {
            place unknown = {.outer = here, .name = name};
            return wrong(mistake, &unknown,
                         jf_format("unknown field `%s`, %s", name, known_names(type)));
        }
    }
    for (size_t i = 0; i < type->count; i++) {
        const jf_field *field = &type->fields[i];
        const char *name = name_of(type, field);
        place inner = {.outer = here, .name = name};
        if (!read_field(type, field, jf_get(value, name), (char *)into + field->offset, &inner,
                        mistake))
            return false;
    }
    return true;
}

bool jf_read(const jf_type *(*type)(void), const jf_value *value, void *into, jf_mistake *mistake)
{
    jf_mistake ignored;
    memset(into, 0, type()->size);
    return read_fields(type(), value, into, NULL, mistake ? mistake : &ignored);
}

static jf_value *write_fields(const jf_type *type, const void *from)
{
    jf_value *object = jf_object();
    for (size_t i = 0; i < type->count; i++) {
        const jf_field *field = &type->fields[i];
        const jf_value *value = field->kind->write(field, (const char *)from + field->offset);
        if (!value && field->required)
            value = field->kind->zero();
        if (value)
            jf_set(object, name_of(type, field), value);
    }
    return object;
}

jf_value *jf_write(const jf_type *(*type)(void), const void *from)
{
    return write_fields(type(), from);
}

static void set_type(const jf_field *field, jf_value *schema)
{
    if (!field->kind->type)
        return;
    if (field->required || field->fallback) {
        jf_set(schema, "type", field->kind->type);
        return;
    }
    jf_value *types = jf_list();
    jf_add(types, field->kind->type);
    jf_add(types, "null");
    jf_set(schema, "type", types);
}

static jf_value *field_schema(const jf_field *field)
{
    jf_value *schema = jf_object();
    field->kind->schema(field, schema);
    set_type(field, schema);
    if (field->description && *field->description)
        jf_set(schema, "description", field->description);
    if (field->fallback) {
        const jf_value *fallback = field->kind == &jf_kind_text ? jf_of_text(field->fallback)
                                                                : jf_parse(field->fallback, NULL);
        jf_set(schema, "default", fallback);
    }
    merge(schema, jf_parse(field->schema, NULL));
    return schema;
}

static jf_value *schema_of(const jf_type *type)
{
    jf_value *properties = jf_object();
    jf_value *required = jf_list();
    for (size_t i = 0; i < type->count; i++) {
        const jf_field *field = &type->fields[i];
        const char *name = name_of(type, field);
        jf_set(properties, name, field_schema(field));
        if (field->required)
            jf_add(required, name);
    }
    jf_value *schema = jf_object();
    jf_set(schema, "type", "object");
    jf_set(schema, "properties", properties);
    if (jf_count(required))
        jf_set(schema, "required", required);
    if (!type->open)
        jf_set(schema, "additionalProperties", jf_of_boolean(false));
    return schema;
}

jf_value *jf_schema(const jf_type *(*type)(void))
{
    return schema_of(type());
}
