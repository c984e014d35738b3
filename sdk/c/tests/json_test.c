/** JSON: what it reads, what it refuses, and that nothing from outside can hurt it. */
#include "tests.h"

#include <stdlib.h>
#include <string.h>

/** Reads from a block of exactly this size, so that a byte read past the end is seen. */
static const jf_value *exactly(const char *json, size_t size)
{
    char *block = malloc(size ? size : 1);
    if (size)
        memcpy(block, json, size);
    const jf_value *value = jf_parse_bytes(block, size, NULL);
    free(block);
    return value;
}

static void comes_back(const char *json, const char *wanted)
{
    const jf_value *value = exactly(json, strlen(json));
    JF_CHECK_TEXT(value ? jf_json(value) : NULL, wanted);
}

static void values_come_back_as_they_were_written(void)
{
    jf_host_new();
    comes_back(" { \"a\" : [ 1 , -2.50 , true , false , null , \"x\" ] } ",
               "{\"a\":[1,-2.50,true,false,null,\"x\"]}");
    comes_back("[]", "[]");
    comes_back("{}", "{}");
    comes_back("12345678901234567890123", "12345678901234567890123");
    comes_back("\"\\u00e9\\u20AC\\ud83d\\ude00\\n\\/\\\"\\\\\"", "\"é€😀\\n/\\\"\\\\\"");
    comes_back("\"\\u0001\\b\"", "\"\\u0001\\u0008\"");
    comes_back("\"a\\u0000b\"", "\"a" JF_REPLACEMENT "b\"");
}

static void what_is_no_json_is_refused(void)
{
    static const char *const wrong[] = {
        "", " ", "{", "[", "\"", "[1,]", "{\"a\":1,}", "{a:1}", "{\"a\" 1}", "[1 2]", "01", "1.", ".5",
        "+1", "-", "1e", "1e+", "nul", "truex", "NaN", "Infinity", "'a'", "\"\t\"", "\"\\x\"",
        "\"\\u12\"", "\"\\u12g4\"", "\"\\ud83d\"", "\"\\ud83dx\"", "\"\\ud83d\\u0041\"",
        "\"\\ude00\"", "\"\xFF\"", "\"\xED\xA0\x80\"", "1 2", "[] []", "\xEF\xBB\xBF{}", "//a\n1",
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        jf_host_new();
        if (exactly(wrong[i], strlen(wrong[i])))
            jf_test_wrong(__FILE__, __LINE__, "this was read: %s", wrong[i]);
    }
    const char *reason = NULL;
    JF_CHECK(!jf_parse("[1,", &reason));
    JF_CHECK_TEXT(reason, "it ends too early (byte 3)");
    JF_CHECK(!jf_parse(NULL, NULL));
    JF_CHECK(!jf_parse_bytes("1\0", 2, NULL));
}

static void a_value_stands_sixty_four_levels_deep_and_no_deeper(void)
{
    jf_host_new();
    jf_buffer deep = {0}, deeper = {0};
    for (int i = 0; i < 100000; i++) {
        if (i < JF_DEPTH)
            jf_append(&deep, "[", 1);
        jf_append(&deeper, i % 2 ? "[" : "{\"a\":", i % 2 ? 1 : 5);
    }
    for (int i = 0; i < JF_DEPTH; i++)
        jf_append(&deep, "]", 1);
    JF_CHECK(exactly(deep.at, deep.length));
    JF_CHECK(!exactly(deeper.at, deeper.length));
}

static const char sample[] = JF_JSON(
    {"a": [1, -2.5e-3, true, false, null], "b": {"c": "é€😀 \u00e9\ud83d\ude00\n"}, "": [[], {}]});

static void a_text_that_is_cut_anywhere_is_refused(void)
{
    for (size_t size = 0; size + 1 < sizeof sample; size++) {
        jf_host_new();
        JF_CHECK(!exactly(sample, size));
    }
    JF_CHECK(exactly(sample, sizeof sample - 1));
}

static uint32_t random_number(void)
{
    static uint32_t state = 2463534242;
    state ^= state << 13, state ^= state >> 17, state ^= state << 5;
    return state;
}

static void whatever_is_read_can_be_written_and_read_again(void)
{
    static const char alphabet[] = "{}[]\",:\\u0dD8e.-+19atfn \x01\x80\xC3\xF0";
    size_t read = 0;
    for (int round = 0; round < 30000; round++) {
        jf_host_new();
        char text[sizeof sample];
        memcpy(text, sample, sizeof sample);
        for (uint32_t changes = 1 + random_number() % 4; changes > 0; changes--)
            text[random_number() % (sizeof sample - 1)] =
                alphabet[random_number() % (sizeof alphabet - 1)];
        const jf_value *value = exactly(text, random_number() % 4 ? sizeof text - 1
                                                                  : random_number() % sizeof text);
        if (!value)
            continue;
        read++;
        const char *written = jf_json(value);
        const jf_value *again = exactly(written, strlen(written));
        JF_CHECK(again && strcmp(jf_json(again), written) == 0);
        for (size_t i = 0; i < jf_count(value); i++) {
            jf_integer(jf_at(value, i), 0);
            jf_number(jf_at(value, i), 0);
        }
    }
    JF_CHECK(read > 100); /* else the changes were too wild to mean anything */
}

static void numbers_are_exact_or_none(void)
{
    static const struct {
        const char *json;
        int64_t integer; /* -7: none */
    } known[] = {
        {"0", 0}, {"-0", 0}, {"0.0", 0}, {"5", 5}, {"5.0", 5}, {"5e0", 5}, {"50e-1", 5}, {"0.5e1", 5},
        {"1.5", -7}, {"15e-1", -7}, {"0.05", -7}, {"100", 100}, {"1e3", 1000}, {"1.200e2", 120},
        {"9223372036854775807", INT64_MAX}, {"9223372036854775808", -7},
        {"-9223372036854775808", INT64_MIN}, {"-9223372036854775809", -7},
        {"9007199254740993", 9007199254740993}, {"1e18", 1000000000000000000}, {"1e19", -7},
        {"1e400", -7}, {"1e-400", -7}, {"0e400", 0}, {"1e99999999999999999999", -7},
        {"1e-99999999999999999999", -7}, {"18446744073709551616", -7},
        {"1000000000000000000000000000000e-30", 1},
    };
    jf_host_new();
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (jf_integer(jf_parse(known[i].json, NULL), -7) != known[i].integer)
            jf_test_wrong(__FILE__, __LINE__, "%s is read wrongly", known[i].json);
    JF_CHECK(jf_number(jf_parse("1e400", NULL), -7) == -7);
    JF_CHECK(jf_number(jf_parse("-2.5e-3", NULL), 0) == -0.0025);
    JF_CHECK_TEXT(jf_json(jf_of(0.1)), "0.1");
    JF_CHECK_TEXT(jf_json(jf_of(1e300 * 1e300)), "null");
    JF_CHECK_TEXT(jf_json(jf_of(1.0 / 3)), "0.3333333333333333");
    JF_CHECK_TEXT(jf_json(jf_of(INT64_MIN)), "-9223372036854775808");
    JF_CHECK_TEXT(jf_json(jf_of(UINT64_MAX)), "18446744073709551615");
}

static void values_are_made_changed_and_compared(void)
{
    jf_host_new();
    jf_value *object = jf_object(), *list = jf_list();
    jf_set(object, "a", "x");
    jf_set(object, "b", 5);
    jf_set(object, "a", "\xFF\"");
    for (int i = 0; i < 9; i++)
        jf_add(list, i);
    jf_set(object, "c", list);
    jf_set(object, "d", (const char *)NULL);
    jf_set(object, "e", true);
    jf_set(object, "f", false);
    JF_CHECK_TEXT(jf_json(object), "{\"a\":\"" JF_REPLACEMENT
                                   "\\\"\",\"b\":5,\"c\":[0,1,2,3,4,5,6,7,8],\"d\":null,\"e\":true,\"f\":false}");
    JF_CHECK(jf_same(jf_parse(JF_JSON({"a": 1, "b": [2.0]}), NULL),
                     jf_parse(JF_JSON({"b": [2], "a": 1.0}), NULL)));
    JF_CHECK(!jf_same(jf_parse("[1]", NULL), jf_parse("[1,2]", NULL)));
    JF_CHECK(!jf_same(jf_parse("{\"a\":1}", NULL), jf_parse("{\"b\":1}", NULL)));
    JF_CHECK(jf_integer(jf_get(jf_parse(JF_JSON({"a": 1, "a": 2}), NULL), "a"), 0) == 2);
}

static void nothing_is_found_in_nothing(void)
{
    JF_CHECK(!jf_get(jf_get(NULL, "a"), "b"));
    JF_CHECK(!jf_at(NULL, 0) && jf_count(NULL) == 0 && !jf_name_at(NULL, 0));
    JF_CHECK_TEXT(jf_text(NULL, "there"), "there");
    JF_CHECK(jf_type_of(NULL) == JF_NOTHING);
    JF_CHECK(!jf_at(jf_parse("[1]", NULL), 1));
}

void json_tests(void)
{
    JF_TEST(values_come_back_as_they_were_written);
    JF_TEST(what_is_no_json_is_refused);
    JF_TEST(a_value_stands_sixty_four_levels_deep_and_no_deeper);
    JF_TEST(a_text_that_is_cut_anywhere_is_refused);
    JF_TEST(whatever_is_read_can_be_written_and_read_again);
    JF_TEST(numbers_are_exact_or_none);
    JF_TEST(values_are_made_changed_and_compared);
    JF_TEST(nothing_is_found_in_nothing);
}
