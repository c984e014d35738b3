/**
 * Code 128 (ISO/IEC 15417): characters of 11 modules, three bars and three spaces. Code set B has
 * every printable character of ASCII, code set C pairs of digits.
 */
#include "barcode.h"

#include <jackfield.h>

#include <string.h>

enum { TO_C = 99, TO_B = 100, START_B = 104, START_C = 105, STOP = 106 };

/** The widths of bars and spaces, by the character's value. */
static const char patterns[][8] = {
    "212222", "222122", "222221", "121223", "121322", "131222", "122213", "122312", "132212",
    "221213", "221312", "231212", "112232", "122132", "122231", "113222", "123122", "123221",
    "223211", "221132", "221231", "213212", "223112", "312131", "311222", "321122", "321221",
    "312212", "322112", "322211", "212123", "212321", "232121", "111323", "131123", "131321",
    "112313", "132113", "132311", "211313", "231113", "231311", "112133", "112331", "132131",
    "113123", "113321", "133121", "313121", "211331", "231131", "213113", "213311", "213131",
    "311123", "311321", "331121", "312113", "312311", "332111", "314111", "221411", "431111",
    "111224", "111422", "121124", "121421", "141122", "141221", "112214", "112412", "122114",
    "122411", "142112", "142211", "241211", "221114", "413111", "241112", "134111", "111242",
    "121142", "121241", "114212", "124112", "124211", "411212", "421112", "421211", "212141",
    "214121", "412121", "111143", "111341", "131141", "114113", "114311", "411113", "411311",
    "113141", "114131", "311141", "411131", "211412", "211214", "211232", "2331112",
};

void barcode_add(barcode *code, const char *widths)
{
    for (bool dark = true; *widths; widths++, dark = !dark)
        for (char width = *widths; width > '0'; width--)
            code->dark[code->width++] = dark;
}

/** A row as it grows, with the sum that the check character comes from. */
typedef struct row {
    barcode *code;
    unsigned sum;
    unsigned place;
} row;

static void add(row *row, unsigned value)
{
    /* The start counts once, as does the first character after it. */
    row->sum += value * (row->place ? row->place : 1);
    row->place++;
    barcode_add(row->code, patterns[value]);
}

static size_t digits_at(const char *text)
{
    return strspn(text, "0123456789");
}

/** Whether pairs save room here: a change costs a character, so does the change back. */
static bool pairs_pay(const char *text, bool first)
{
    size_t digits = digits_at(text);
    bool all = !text[digits];
    if (first)
        return digits >= 4 || (digits == 2 && all);
    return digits % 2 == 0 && digits >= (all ? 4u : 6u);
}

const char *code128(const char *text, barcode *into)
{
    size_t length = strlen(text);
    if (!length)
        return "there is nothing to write";
    if (length > BARCODE_TEXT)
        return jf_format("it has %zu characters, and at most %d can be read", length, BARCODE_TEXT);
    for (size_t i = 0; i < length; i++)
        if (text[i] < ' ' || text[i] > '~')
            return "a Code 128 has letters without accents, digits and punctuation";
    *into = (barcode){.quiet_before = 10, .quiet_after = 10};
    memcpy(into->text, text, length + 1);
    row row = {.code = into};
    bool pairs = pairs_pay(text, true);
    add(&row, pairs ? START_C : START_B);
    while (*text) {
        if (pairs && digits_at(text) < 2) {
            add(&row, TO_B);
            pairs = false;
        } else if (!pairs && pairs_pay(text, false)) {
            add(&row, TO_C);
            pairs = true;
        }
        if (pairs) {
            add(&row, (unsigned)(text[0] - '0') * 10 + (unsigned)(text[1] - '0'));
            text += 2;
        } else {
            add(&row, (unsigned)(*text++ - ' '));
        }
    }
    into->check = row.sum % 103;
    barcode_add(into, patterns[into->check]);
    barcode_add(into, patterns[STOP]);
    return NULL;
}
