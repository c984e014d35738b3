/** Declared structs: the schema, the reader, and what it says of a mistake. */
#include "tests.h"

#define HEADER(FIELD)                                                                              \
    FIELD(text, name, "Its name.", .required = true)                                               \
    FIELD(text, value, "")
JF_SETTINGS(header, HEADER)

#define SETTINGS(FIELD)                                                                            \
    FIELD(text, base_url, "Where it is.", .required = true, .schema = JF_JSON({"format": "uri"}))  \
    FIELD(integer, retries, "How often.", .fallback = "3", .schema = JF_JSON({"minimum": 1}))      \
    FIELD(number, factor, "")                                                                      \
    FIELD(boolean, quick, "")                                                                      \
    FIELD(text, size, "", .choices = {"small", "large"}, .fallback = "small")                      \
    FIELD(text, colour, "", .choices = {"red", "blue"})                                            \
    FIELD(texts, tags, "")                                                                         \
    FIELD(value, extra, "Anything.")                                                               \
    FIELD(record(header), one, "")                                                                 \
    FIELD(records(header), headers, "")
JF_SETTINGS(settings, SETTINGS)

static void the_schema_is_made_from_the_declaration(void)
{
    jf_host_new();
    JF_CHECK_JSON(jf_schema(settings_type), {
        "type": "object",
        "required": ["base-url"],
        "additionalProperties": false,
        "properties": {
            "base-url": {"type": "string", "description": "Where it is.", "format": "uri"},
            "retries": {"type": "integer", "description": "How often.", "default": 3, "minimum": 1},
            "factor": {"type": ["number", "null"]},
            "quick": {"type": ["boolean", "null"]},
            "size": {"type": "string", "enum": ["small", "large"], "default": "small"},
            "colour": {"type": ["string", "null"], "enum": ["red", "blue", null]},
            "tags": {"type": ["array", "null"], "items": {"type": "string"}},
            "extra": {"description": "Anything."},
            "one": {
                "type": ["object", "null"], "required": ["name"], "additionalProperties": false,
                "properties": {"name": {"type": "string", "description": "Its name."},
                               "value": {"type": ["string", "null"]}}
            },
            "headers": {"type": ["array", "null"], "items": {
                "type": "object", "required": ["name"], "additionalProperties": false,
                "properties": {"name": {"type": "string", "description": "Its name."},
                               "value": {"type": ["string", "null"]}}
            }}
        }
    });
}

static void every_kind_is_read_into_its_member_and_written_back(void)
{
    static const char json[] = JF_JSON({
        "base-url": "https://a.example", "retries": 5, "factor": 1.5, "quick": true,
        "size": "large", "colour": "blue", "tags": ["x", "y"], "extra": {"any": [1]},
        "one": {"name": "n"}, "headers": [{"name": "a", "value": "1"}, {"name": "b"}]
    });
    jf_host_new();
    settings read;
    JF_CHECK(jf_read(settings_type, jf_parse(json, NULL), &read, NULL));
    JF_CHECK_TEXT(read.base_url, "https://a.example");
    JF_CHECK(read.retries == 5 && read.factor == 1.5 && read.quick);
    JF_CHECK(read.tags.count == 2);
    JF_CHECK_TEXT(read.tags.items[1], "y");
    JF_CHECK_TEXT(read.one->name, "n");
    JF_CHECK(read.headers.count == 2 && !read.headers.items[1].value);
    JF_CHECK_TEXT(read.headers.items[1].name, "b");
    JF_CHECK(jf_same(jf_write(settings_type, &read), jf_parse(json, NULL)));
}

static void what_is_not_given_is_its_fallback_or_zero(void)
{
    jf_host_new();
    settings read;
    JF_CHECK(jf_read(settings_type,
                     jf_parse(JF_JSON({"base-url": "", "factor": null, "tags": null}), NULL), &read,
                     NULL));
    JF_CHECK(read.retries == 3 && read.factor == 0 && !read.quick && !read.colour);
    JF_CHECK_TEXT(read.size, "small");
    JF_CHECK(!read.tags.count && !read.extra && !read.one && !read.headers.count);
}

static void wrong(const char *json, const char *place, const char *reason)
{
    settings read;
    jf_mistake mistake = {0};
    JF_CHECK(!jf_read(settings_type, jf_parse(json, NULL), &read, &mistake));
    JF_CHECK_TEXT(mistake.place, place);
    JF_CHECK_TEXT(mistake.reason, reason);
}

static void a_mistake_names_its_place(void)
{
    jf_host_new();
    wrong("{}", "base-url", "missing field `base-url`");
    wrong("5", "", "expected an object, found 5");
    wrong("{\"base-url\":5}", "base-url", "expected a text, found 5");
    wrong("{\"base-url\":null}", "base-url", "expected a text, found null");
    wrong("{\"base-url\":\"\",\"retries\":1.5}", "retries", "expected an integer, found 1.5");
    wrong("{\"base-url\":\"\",\"retries\":null}", "retries", "expected an integer, found null");
    wrong("{\"base-url\":\"\",\"factor\":\"1\"}", "factor", "expected a number, found \"1\"");
    wrong("{\"base-url\":\"\",\"quick\":1}", "quick", "expected true or false, found 1");
    wrong("{\"base-url\":\"\",\"size\":\"huge\"}", "size",
          "expected one of `small`, `large`, found \"huge\"");
    wrong("{\"base-url\":\"\",\"tags\":[\"a\",5]}", "tags[1]", "expected a text, found 5");
    wrong("{\"base-url\":\"\",\"headers\":[{\"name\":\"a\"},{}]}", "headers[1].name",
          "missing field `name`");
    wrong("{\"base-url\":\"\",\"headers\":[{\"name\":{}}]}", "headers[0].name",
          "expected a text, found {}");
    wrong("{\"base-url\":\"\",\"one\":{\"name\":\"\",\"x\":1}}", "one.x",
          "unknown field `x`, expected `name`, `value`");
}

static void integers_that_look_like_the_probe_are_read(void)
{
    jf_host_new();
    settings read;
    JF_CHECK(jf_read(settings_type, jf_parse("{\"base-url\":\"\",\"retries\":1,\"factor\":1}", NULL),
                     &read, NULL));
    JF_CHECK(read.retries == 1 && read.factor == 1);
}

void record_tests(void)
{
    JF_TEST(the_schema_is_made_from_the_declaration);
    JF_TEST(every_kind_is_read_into_its_member_and_written_back);
    JF_TEST(what_is_not_given_is_its_fallback_or_zero);
    JF_TEST(a_mistake_names_its_place);
    JF_TEST(integers_that_look_like_the_probe_are_read);
}
