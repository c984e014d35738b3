/**
 * Barcodes as rows of modules: what the symbologies have in common, and how a row is drawn.
 */
#ifndef BARCODE_H
#define BARCODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** The longest text of a Code 128; longer ones no scanner reads in one go. */
#define BARCODE_TEXT 80
/** Room for the modules of the widest: start, each character, two changes at most between them,
 *  check and stop, at 11 modules, and the last bar. */
#define BARCODE_MODULES ((3 * BARCODE_TEXT + 4) * 11)

/** A row of modules, dark and light, without the quiet zones. */
typedef struct barcode {
    bool dark[BARCODE_MODULES];
    size_t width;
    /** Light modules that must stay free before and after it. */
    unsigned quiet_before, quiet_after;
    /** What is printed under it. */
    char text[BARCODE_TEXT + 1];
    /** EAN: the last digit. Code 128: the value of the check character, 0 to 102. */
    unsigned check;
} barcode;

/** Adds bars and spaces in turn, a bar first: one digit for each, its width. */
void barcode_add(barcode *code, const char *widths);

/** An EAN-13 of 12 digits, to which the check digit is added, or 13, of which it is checked. Answers
 *  what is wrong with the text, or NULL. */
const char *ean13(const char *digits, barcode *into);

/** A Code 128 of printable ASCII; pairs of digits take the room of one character. Answers what is
 *  wrong with the text, or NULL. */
const char *code128(const char *text, barcode *into);

/** How a row is drawn. */
typedef struct drawing {
    /** Pixels. */
    unsigned module_width, height;
    /** The text stands under it. */
    bool label;
} drawing;

/** The row as an SVG document of its own. */
const char *barcode_svg(const barcode *code, const drawing *how);

#endif
