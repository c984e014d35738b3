/**
 * The step `barcode`: draws a barcode, such as that of a voucher, for a message that goes out next.
 *
 *     uses: barcode@1
 *     with: {type: code-128, text: "$contact.voucher"}
 *
 * and then, in the message after it, the attachment
 * `{content: $steps.code.base64, content-type: image/svg+xml, file-name: voucher.svg}`.
 */
#include "barcode.h"

#include <jackfield.h>

#define SETTINGS(FIELD)                                                                            \
    FIELD(text, type, "`ean-13` for the numbers of goods, `code-128` for any short text.",         \
          .required = true, .choices = {"ean-13", "code-128"})                                     \
    FIELD(text, text,                                                                              \
          "What it says: 12 digits (or 13, with the check digit), or up to 80 letters without "    \
          "accents, digits and punctuation.",                                                      \
          .required = true)                                                                        \
    FIELD(integer, height, "The height of the bars in pixels.", .fallback = "80",                  \
          .schema = JF_JSON({"minimum": 10, "maximum": 1000}))                                     \
    FIELD(integer, module_width, "The width of the thinnest bar in pixels.", .fallback = "2",      \
          .schema = JF_JSON({"minimum": 1, "maximum": 20}))                                        \
    FIELD(boolean, label, "Whether the text stands under the bars.", .fallback = "true")
JF_SETTINGS(settings, SETTINGS)

#define OUTPUT(FIELD)                                                                              \
    FIELD(text, svg, "The picture, an SVG document.", .required = true)                            \
    FIELD(text, base64, "The same in base64, for an attachment's `content`.", .required = true,    \
          .schema = JF_JSON({"contentEncoding": "base64", "contentMediaType": "image/svg+xml"}))   \
    FIELD(text, text, "What it says; an EAN with its check digit.", .required = true)              \
    FIELD(integer, check, "The check digit; of a Code 128 the check character's value.",           \
          .required = true)
JF_OUTPUT(output, OUTPUT)

static bool is_within(int64_t number, int64_t least, int64_t most)
{
    return number >= least && number <= most;
}

static jf_outcome *start(const jf_run *run, const void *given)
{
    (void)run;
    const settings *settings = given;
    barcode code;
    const char *mistake = jf_equal(settings->type, "ean-13") ? ean13(settings->text, &code)
                                                             : code128(settings->text, &code);
    if (mistake)
        return jf_fail(jf_invalid_config("text", "%s", mistake));
    /* The schema says so too; here it keeps the picture's size within bounds for certain. */
    if (!is_within(settings->height, 10, 1000))
        return jf_fail(jf_invalid_config("height", "write 10 to 1000"));
    if (!is_within(settings->module_width, 1, 20))
        return jf_fail(jf_invalid_config("module-width", "write 1 to 20"));
    drawing how = {.module_width = (unsigned)settings->module_width,
                   .height = (unsigned)settings->height,
                   .label = settings->label};
    output drawn = {.svg = barcode_svg(&code, &how), .text = code.text, .check = code.check};
    drawn.base64 = jf_base64(jf_bytes_of(drawn.svg));
    return jf_done(jf_write(output_type, &drawn));
}

const jf_step jf_plugin = {
    .name = "barcode",
    .version = "1.0.0",
    .title = "Barcode",
    .summary = "Draws an EAN-13 or a Code 128 as a picture for a message.",
    .icon = "🎟️",
    .category = JF_OTHER,
    .settings = settings_type,
    .output = output_type,
    .start = start,
};
