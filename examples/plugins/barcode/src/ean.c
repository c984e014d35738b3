/**
 * EAN-13 (GS1 General Specifications, 5.2): 95 modules; the first of the 13 digits is not drawn, but
 * said by which of the left six are drawn in which of two ways.
 */
#include "barcode.h"

#include <jackfield.h>

#include <string.h>

/** The widths of the four elements of a digit, a light one first, on the left with odd parity. With
 *  even parity they run the other way; on the right they are the same, a dark one first. */
static const char elements[10][5] = {"3211", "2221", "2122", "1411", "1132",
                                     "1231", "1114", "1312", "1213", "3112"};

/** For each first digit, which of the left six have even parity. */
static const char even[10][7] = {"000000", "001011", "001101", "001110", "010011",
                                 "011001", "011100", "010101", "010110", "011010"};

static void add(barcode *code, bool dark, const char *widths, bool backwards)
{
    size_t count = strlen(widths);
    for (size_t i = 0; i < count; i++, dark = !dark)
        for (char width = widths[backwards ? count - 1 - i : i]; width > '0'; width--)
            code->dark[code->width++] = dark;
}

/** Digits in odd places count once, in even ones three times; the sum is a multiple of ten. */
static unsigned check_digit(const char *digits)
{
    unsigned sum = 0;
    for (unsigned i = 0; i < 12; i++)
        sum += (unsigned)(digits[i] - '0') * (i % 2 ? 3 : 1);
    return (10 - sum % 10) % 10;
}

const char *ean13(const char *digits, barcode *into)
{
    size_t length = strlen(digits);
    if (strspn(digits, "0123456789") != length || (length != 12 && length != 13))
        return "an EAN-13 has 12 digits, or 13 with the check digit, and nothing else";
    *into = (barcode){.quiet_before = 11, .quiet_after = 7, .check = check_digit(digits)};
    if (length == 13 && digits[12] != (char)('0' + into->check))
        return jf_format("its check digit is %c, and ought to be %u", digits[12], into->check);
    memcpy(into->text, digits, 12);
    into->text[12] = (char)('0' + into->check);
    const char *text = into->text;
    add(into, true, "111", false);
    for (unsigned i = 1; i <= 6; i++)
        add(into, false, elements[text[i] - '0'], even[text[0] - '0'][i - 1] == '1');
    add(into, false, "11111", false);
    for (unsigned i = 7; i <= 12; i++)
        add(into, true, elements[text[i] - '0'], false);
    add(into, true, "111", false);
    return NULL;
}
