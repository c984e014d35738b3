/** The test host's JSON Schema. */
#include "tests.h"

static void check(const char *schema, const char *value, const char *mistake)
{
    JF_CHECK_TEXT(jf_breaks(jf_parse(schema, NULL), jf_parse(value, NULL)), mistake);
}

static void a_schema_is_held_and_a_mistake_has_its_place(void)
{
    static const char schema[] = JF_JSON({
        "type": "object", "required": ["a"], "additionalProperties": false,
        "properties": {
            "a": {"type": "string", "pattern": "^[a-z]+$", "maxLength": 3},
            "b": {"type": "array", "maxItems": 2, "items": {"$ref": "#/$defs/small"}},
            "c": {"enum": ["x", null]}
        },
        "$defs": {"small": {"type": "integer", "minimum": 0, "maximum": 9}}
    });
    jf_host_new();
    check(schema, JF_JSON({"a": "abc", "b": [1, 2.0], "c": null}), NULL);
    check(schema, JF_JSON({}), "(all): lacks `a`");
    check(schema, JF_JSON({"a": "abcd"}), "/a: is too long");
    check(schema, JF_JSON({"a": "A"}), "/a: does not match ^[a-z]+$");
    check(schema, JF_JSON({"a": "a", "b": [1, 2, 3]}), "/b: has too many items");
    check(schema, JF_JSON({"a": "a", "b": [1, 10]}), "/b/1: is too large");
    check(schema, JF_JSON({"a": "a", "b": [1.5]}), "/b/0: is not of type \"integer\"");
    check(schema, JF_JSON({"a": "a", "c": "y"}), "/c: is none of [\"x\",null]");
    check(schema, JF_JSON({"a": "a", "d": 1}), "(all): does not know `d`");
}

static void the_published_schemas_tell_good_messages_from_bad_ones(void)
{
    jf_host_new();
    const jf_value *schema = jf_published("message");
    const char *good = JF_JSON({"id": "m", "to": ["x"], "content": {"type": "text", "text": "Hi"}});
    const char *bad = JF_JSON({"id": "m", "to": ["x"], "content": {"type": "text", "txt": "Hi"}});
    JF_CHECK(!jf_breaks(schema, jf_parse(good, NULL)));
    JF_CHECK_TEXT(jf_breaks(schema, jf_parse(bad, NULL)), "/content: lacks `text`");
}

void schema_tests(void)
{
    JF_TEST(a_schema_is_held_and_a_mistake_has_its_place);
    JF_TEST(the_published_schemas_tell_good_messages_from_bad_ones);
}
