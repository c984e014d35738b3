/**
 * A row of modules as SVG 1.1: one path for all bars, in units of a module, so that it stays sharp
 * at any size.
 */
#include "barcode.h"

#include <jackfield.h>

#include <stdlib.h>
#include <string.h>

/** The height of the printed text, in modules. */
#define LABEL 10

/** The commands of a path: each bar a closed box as high as `height` modules. */
static const char *bars(const barcode *code, unsigned height)
{
    /* `M12345,0h123v12345h-123z` is the longest box. */
    size_t room = code->width * 32 + 1, length = 0;
    char *path = jf_alloc(room);
    for (size_t i = 0; i < code->width;) {
        size_t end = i;
        while (end < code->width && code->dark[end])
            end++;
        if (end > i) {
            const char *box = jf_format("M%zu,0h%zuv%uh-%zuz", i + code->quiet_before, end - i,
                                        height, end - i);
            size_t size = strlen(box);
            memcpy(path + length, box, size);
            length += size;
        }
        i = end + (end == i);
    }
    return path;
}

static const char *escaped(const char *text)
{
    const char *out = "";
    for (; *text; text++) {
        switch (*text) {
        case '&':
            out = jf_format("%s&amp;", out);
            break;
        case '<':
            out = jf_format("%s&lt;", out);
            break;
        case '>':
            out = jf_format("%s&gt;", out);
            break;
        case '"':
            out = jf_format("%s&quot;", out);
            break;
        default:
            out = jf_format("%s%c", out, *text);
        }
    }
    return out;
}

const char *barcode_svg(const barcode *code, const drawing *how)
{
    size_t width = code->width + code->quiet_before + code->quiet_after;
    unsigned height = (how->height + how->module_width - 1) / how->module_width;
    unsigned whole = height + (how->label ? LABEL + 2 : 0);
    const char *text = escaped(code->text);
    const char *label =
        how->label ? jf_format("<text x=\"%zu\" y=\"%u\" font-family=\"monospace\" "
                               "font-size=\"%d\" text-anchor=\"middle\">%s</text>",
                               width / 2, height + LABEL, LABEL, text)
                   : "";
    return jf_format("<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%zu\" height=\"%u\" "
                     "viewBox=\"0 0 %zu %u\" role=\"img\" aria-label=\"%s\">"
                     "<rect width=\"100%%\" height=\"100%%\" fill=\"#fff\"/>"
                     "<path shape-rendering=\"crispEdges\" d=\"%s\"/>%s</svg>",
                     width * how->module_width, whole * how->module_width, width, whole, text,
                     bars(code, height), label);
}
