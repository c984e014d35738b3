/** International bank account numbers (ISO 13616): what is right about one, and how it is shown. */
#ifndef IBAN_H
#define IBAN_H

#include <stdbool.h>
#include <stddef.h>

/** The longest that the standard allows. */
#define IBAN_MOST 34

/** What is wrong with a text that should be one. */
typedef enum iban_mistake {
    IBAN_GOOD,
    IBAN_MISSING,      /**< there is nothing */
    IBAN_CHARACTERS,   /**< something else than letters, digits, spaces and hyphens */
    IBAN_COUNTRY,      /**< it begins with no country that has them */
    IBAN_LENGTH,       /**< of that country all have another length */
    IBAN_CHECK_DIGITS, /**< the third and fourth characters belong to another number */
} iban_mistake;

/** A number without spaces, in upper case. */
typedef struct iban {
    char text[IBAN_MOST + 1];
    size_t length;
} iban;

/** Reads a number as people write it. */
iban_mistake iban_read(const char *text, iban *into);

/** In groups of four, as on paper; masked, all but the first and the last four are stars. */
const char *iban_shown(const iban *number, bool masked);

#endif
