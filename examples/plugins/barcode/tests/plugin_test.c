/**
 * The step `barcode` against the test host, natively: `make test`.
 */
#include "barcode.h"

#include <jackfield_testing.h>

#include <string.h>

extern const jf_step jf_plugin;

/** The modules as a scanner sees them. */
static const char *modules(const barcode *code)
{
    char *row = jf_alloc(code->width + 1);
    for (size_t i = 0; i < code->width; i++)
        row[i] = code->dark[i] ? '1' : '0';
    return row;
}

/* 4 006381 333931: parity LGLLGG. */
static void an_ean_is_drawn_as_the_standard_has_it(void)
{
    jf_host_new();
    barcode code;
    JF_CHECK_TEXT(ean13("400638133393", &code), NULL);
    JF_CHECK_TEXT(code.text, "4006381333931");
    JF_CHECK(code.check == 1 && code.width == 95);
    JF_CHECK_TEXT(modules(&code), "101"
                                  "0001101" "0100111" "0101111" "0111101" "0001001" "0110011"
                                  "01010"
                                  "1000010" "1000010" "1000010" "1110100" "1000010" "1100110"
                                  "101");
}

static void an_ean_checks_its_digit(void)
{
    jf_host_new();
    barcode code;
    JF_CHECK(!ean13("4006381333931", &code));
    JF_CHECK(!ean13("0000000000000", &code) && code.check == 0);
    JF_CHECK(!ean13("978020137962", &code) && code.check == 4);
    JF_CHECK_TEXT(ean13("4006381333932", &code), "its check digit is 2, and ought to be 1");
    JF_CHECK(ean13("40063813339", &code) && ean13("40063813339310", &code));
    JF_CHECK(ean13("40063813339a", &code) && ean13("", &code));
}

/** The characters of a Code 128, each as the bits of its modules. */
static size_t read_back(const barcode *code, unsigned *rows, size_t most)
{
    size_t count = 0;
    for (size_t at = 0; at + 13 <= code->width && count < most; at += 11) {
        unsigned row = 0;
        for (size_t i = 0; i < 11; i++)
            row = row << 1 | code->dark[at + i];
        rows[count++] = row;
    }
    return count;
}

static void a_code_128_has_its_check_character(void)
{
    jf_host_new();
    barcode code;
    JF_CHECK_TEXT(code128("Wikipedia", &code), NULL);
    JF_CHECK(code.check == 88);
    JF_CHECK(code.width == (1 + 9 + 1) * 11 + 13);
    unsigned rows[16];
    JF_CHECK(read_back(&code, rows, 16) == 12);
    JF_CHECK(rows[0] == 0x690);  /* 11010010000: start B */
    JF_CHECK(rows[11] == 0x63A); /* 11000111010: stop, before its last bar */
}

static size_t characters(const char *text)
{
    barcode code;
    JF_CHECK_TEXT(code128(text, &code), NULL);
    return (code.width - 13) / 11 - 2; /* without start and check */
}

static void digits_are_written_in_pairs_where_that_is_shorter(void)
{
    jf_host_new();
    JF_CHECK(characters("1234") == 2);
    JF_CHECK(characters("12") == 1);
    JF_CHECK(characters("123") == 3);
    JF_CHECK(characters("12345") == 4);      /* 12 34 B 5 */
    JF_CHECK(characters("AB1234") == 5);     /* A B C 12 34 */
    JF_CHECK(characters("AB1234C") == 7);    /* as it stands */
    JF_CHECK(characters("AB123456C") == 8);  /* A B C 12 34 56 B C */
    JF_CHECK(characters("A12345") == 5);     /* A 1 C 23 45 */
}

static void every_character_of_a_code_128_is_different_and_eleven_modules_wide(void)
{
    static bool seen[2048];
    jf_host_new();
    for (unsigned pair = 0; pair < 100; pair++) {
        barcode code;
        unsigned rows[8];
        JF_CHECK(!code128(jf_format("%02u%02u", pair, pair), &code));
        JF_CHECK(read_back(&code, rows, 8) == 5 && rows[1] == rows[2]);
        JF_CHECK(code.dark[11] && !code.dark[21] && !seen[rows[1]]);
        unsigned dark = 0;
        for (unsigned bit = 0; bit < 11; bit++)
            dark += rows[1] >> bit & 1;
        JF_CHECK(dark % 2 == 0); /* the sum of the bars' widths is even */
        seen[rows[1]] = true;
    }
}

static void what_cannot_be_drawn_is_refused_with_a_reason(void)
{
    barcode code;
    char longest[BARCODE_TEXT + 2];
    jf_host_new();
    memset(longest, 'a', sizeof longest - 1);
    longest[sizeof longest - 1] = 0;
    JF_CHECK(code128(longest, &code) && code128("", &code) && code128("é", &code));
    longest[BARCODE_TEXT] = 0;
    JF_CHECK(!code128(longest, &code));
    jf_result result = jf_test_start(&jf_plugin, JF_JSON({"type": "ean-13", "text": "12"}));
    JF_CHECK_FAILED(result, "invalid-config");
    JF_CHECK(jf_starts_with(result.failure.message, "setting `text`: an EAN-13 has 12 digits"));
    JF_CHECK_FAILED(
        jf_test_start(&jf_plugin, JF_JSON({"type": "ean-13", "text": "12", "height": 5000})),
        "schema");
}

static void the_picture_says_its_text_and_comes_in_base64_too(void)
{
    jf_host_new();
    jf_result result =
        jf_test_start(&jf_plugin, JF_JSON({"type": "code-128", "text": "5<6 & \"x\""}));
    const char *svg = jf_text(jf_get(result.output, "svg"), "");
    JF_CHECK(jf_starts_with(svg, "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\""));
    JF_CHECK(strstr(svg, "aria-label=\"5&lt;6 &amp; &quot;x&quot;\""));
    JF_CHECK(strstr(svg, "d=\"M10,0h2v40h-2zM13,0h1v40h-1z"));
    JF_CHECK(strstr(svg, "text-anchor=\"middle\">5&lt;6 &amp; &quot;x&quot;</text></svg>"));
    jf_bytes back;
    JF_CHECK(jf_unbase64(jf_text(jf_get(result.output, "base64"), ""), &back));
    JF_CHECK_TEXT(jf_text_of_bytes(back), svg);
    result = jf_test_start(&jf_plugin,
                           JF_JSON({"type": "ean-13", "text": "400638133393", "label": false}));
    JF_CHECK(!strstr(jf_text(jf_get(result.output, "svg"), ""), "<text"));
    JF_CHECK_TEXT(jf_text(jf_get(result.output, "text"), NULL), "4006381333931");
    JF_CHECK(jf_integer(jf_get(result.output, "check"), 0) == 1);
}

int main(void)
{
    JF_TEST(an_ean_is_drawn_as_the_standard_has_it);
    JF_TEST(an_ean_checks_its_digit);
    JF_TEST(a_code_128_has_its_check_character);
    JF_TEST(digits_are_written_in_pairs_where_that_is_shorter);
    JF_TEST(every_character_of_a_code_128_is_different_and_eleven_modules_wide);
    JF_TEST(what_cannot_be_drawn_is_refused_with_a_reason);
    JF_TEST(the_picture_says_its_text_and_comes_in_base64_too);
    return jf_tested();
}
