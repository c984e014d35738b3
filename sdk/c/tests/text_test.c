/** Texts and bytes. */
#include "tests.h"

#include <string.h>

static jf_bytes bytes(const char *start, size_t size)
{
    return (jf_bytes){(const uint8_t *)start, size};
}

static void what_is_no_utf8_and_a_nul_become_replacement_characters(void)
{
    jf_host_new();
    JF_CHECK_TEXT(jf_text_of_bytes(bytes("a\0b", 3)), "a" JF_REPLACEMENT "b");
    JF_CHECK_TEXT(jf_text_of_bytes(bytes("\xFFx", 2)), JF_REPLACEMENT "x");
    /* Overlong, a surrogate, past the last character, cut short. */
    JF_CHECK(!jf_is_text("\xC0\x80", 2));
    JF_CHECK(!jf_is_text("\xE0\x80\x80", 3));
    JF_CHECK(!jf_is_text("\xED\xA0\x80", 3));
    JF_CHECK(!jf_is_text("\xF4\x90\x80\x80", 4));
    JF_CHECK(!jf_is_text("\xE2\x82", 2));
    JF_CHECK(jf_is_text("\xE2\x82\xAC\xF0\x9F\x98\x80", 7));
    JF_CHECK_TEXT(jf_text_of_bytes(bytes("", 0)), "");
}

static void base64_and_hexadecimal_come_back_as_they_were(void)
{
    static const char *const known[][2] = {{"", ""},         {"f", "Zg=="},     {"fo", "Zm8="},
                                           {"foo", "Zm9v"},  {"foob", "Zm9vYg=="},
                                           {"fooba", "Zm9vYmE="}, {"foobar", "Zm9vYmFy"}};
    jf_host_new();
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        jf_bytes back;
        JF_CHECK_TEXT(jf_base64(jf_bytes_of(known[i][0])), known[i][1]);
        JF_CHECK(jf_unbase64(known[i][1], &back));
        JF_CHECK_TEXT(jf_text_of_bytes(back), known[i][0]);
        JF_CHECK(jf_unhex(jf_hex(jf_bytes_of(known[i][0])), &back));
        JF_CHECK_TEXT(jf_text_of_bytes(back), known[i][0]);
    }
    jf_bytes ignored;
    JF_CHECK(!jf_unbase64("Zg=", &ignored));
    JF_CHECK(!jf_unbase64("Z===", &ignored));
    JF_CHECK(!jf_unbase64("Zm9?", &ignored));
    JF_CHECK(!jf_unbase64(NULL, &ignored));
    JF_CHECK(!jf_unhex("abc", &ignored));
    JF_CHECK(!jf_unhex("zz", &ignored));
    JF_CHECK(jf_unhex("00fF", &ignored) && ignored.size == 2 && ignored.data[1] == 0xFF);
}

static void texts_are_compared_with_nothing_as_well(void)
{
    JF_CHECK(jf_equal(NULL, NULL));
    JF_CHECK(!jf_equal("", NULL));
    JF_CHECK(jf_equal("a", "a"));
    JF_CHECK(jf_starts_with("sha256=abc", "sha256="));
    JF_CHECK(!jf_starts_with(NULL, "a"));
}

void text_tests(void)
{
    JF_TEST(what_is_no_utf8_and_a_nul_become_replacement_characters);
    JF_TEST(base64_and_hexadecimal_come_back_as_they_were);
    JF_TEST(texts_are_compared_with_nothing_as_well);
}
