/**
 * Reading and checking, as ISO 13616 and the check digits of ISO 7064 (MOD 97-10) have it.
 */
#include "iban.h"

#include <jackfield.h>

#include <string.h>

/** The lengths in the registry of IBAN formats that SWIFT keeps for ISO 13616. */
static const struct {
    char country[3];
    unsigned char length;
} lengths[] = {
    {"AD", 24}, {"AE", 23}, {"AL", 28}, {"AT", 20}, {"AZ", 28}, {"BA", 20}, {"BE", 16}, {"BG", 22},
    {"BH", 22}, {"BI", 27}, {"BR", 29}, {"BY", 28}, {"CH", 21}, {"CR", 22}, {"CY", 28}, {"CZ", 24},
    {"DE", 22}, {"DJ", 27}, {"DK", 18}, {"DO", 28}, {"EE", 20}, {"EG", 29}, {"ES", 24}, {"FI", 18},
    {"FK", 18}, {"FO", 18}, {"FR", 27}, {"GB", 22}, {"GE", 22}, {"GI", 23}, {"GL", 18}, {"GR", 27},
    {"GT", 28}, {"HN", 28}, {"HR", 21}, {"HU", 28}, {"IE", 22}, {"IL", 23}, {"IQ", 23}, {"IS", 26},
    {"IT", 27}, {"JO", 30}, {"KW", 30}, {"KZ", 20}, {"LB", 28}, {"LC", 32}, {"LI", 21}, {"LT", 20},
    {"LU", 20}, {"LV", 21}, {"LY", 25}, {"MC", 27}, {"MD", 24}, {"ME", 22}, {"MK", 19}, {"MN", 20},
    {"MR", 27}, {"MT", 31}, {"MU", 30}, {"NI", 28}, {"NL", 18}, {"NO", 15}, {"OM", 23}, {"PK", 24},
    {"PL", 28}, {"PS", 29}, {"PT", 25}, {"QA", 29}, {"RO", 24}, {"RS", 22}, {"RU", 33}, {"SA", 24},
    {"SC", 31}, {"SD", 18}, {"SE", 24}, {"SI", 19}, {"SK", 24}, {"SM", 27}, {"SO", 23}, {"ST", 25},
    {"SV", 28}, {"TL", 23}, {"TN", 24}, {"TR", 26}, {"UA", 29}, {"VA", 22}, {"VG", 24}, {"XK", 20},
    {"YE", 30},
};

/** 0 where the country has no such numbers. */
static size_t length_in(const char *country)
{
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++)
        if (strncmp(lengths[i].country, country, 2) == 0)
            return lengths[i].length;
    return 0;
}

static bool is_digit(char character)
{
    return character >= '0' && character <= '9';
}

static bool is_letter(char character)
{
    return character >= 'A' && character <= 'Z';
}

/** The remainder by 97 of the number that the characters spell with the first four at the end and
 *  letters as 10 to 35; it is 1 where the check digits are right. */
static unsigned remainder_of(const iban *number)
{
    unsigned remainder = 0;
    for (size_t i = 0; i < number->length; i++) {
        char character = number->text[(i + 4) % number->length];
        unsigned value = is_digit(character) ? (unsigned)(character - '0')
                                             : (unsigned)(character - 'A') + 10;
        remainder = (remainder * (value > 9 ? 100 : 10) + value) % 97;
    }
    return remainder;
}

/** The number without what separates; false where it holds anything else. */
static bool normalised(const char *text, iban *into)
{
    static const char no_break_space[] = "\xC2\xA0";
    into->length = 0;
    while (*text) {
        if (jf_starts_with(text, no_break_space)) {
            text += strlen(no_break_space);
            continue;
        }
        char character = *text++;
        if (character == ' ' || character == '-')
            continue;
        if (character >= 'a' && character <= 'z')
            character = (char)(character - 'a' + 'A');
        if (!is_digit(character) && !is_letter(character))
            return false;
        if (into->length <= IBAN_MOST) /* one more is kept, so that its length is seen as wrong */
            into->length++;
        if (into->length <= IBAN_MOST)
            into->text[into->length - 1] = character;
    }
    into->text[into->length < IBAN_MOST ? into->length : IBAN_MOST] = 0;
    return true;
}

iban_mistake iban_read(const char *text, iban *into)
{
    *into = (iban){.length = 0};
    if (!normalised(text ? text : "", into))
        return IBAN_CHARACTERS;
    if (!into->length)
        return IBAN_MISSING;
    size_t wanted = length_in(into->text);
    if (!wanted)
        return IBAN_COUNTRY;
    if (into->length != wanted)
        return IBAN_LENGTH;
    bool digits = is_digit(into->text[2]) && is_digit(into->text[3]);
    return digits && remainder_of(into) == 1 ? IBAN_GOOD : IBAN_CHECK_DIGITS;
}

const char *iban_shown(const iban *number, bool masked)
{
    char shown[IBAN_MOST + IBAN_MOST / 4 + 1];
    size_t length = 0;
    for (size_t i = 0; i < number->length; i++) {
        if (i && i % 4 == 0)
            shown[length++] = ' ';
        bool hidden = masked && i >= 4 && i + 4 < number->length;
        shown[length++] = hidden ? '*' : number->text[i];
    }
    return jf_text_of(shown, length);
}
