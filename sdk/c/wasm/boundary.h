/**
 * Between the SDK's types and those of the generated bindings; for the files of this folder.
 *
 * `plugin.h` is made for each project from its own world, so it declares only the imports that the
 * project needs; each file here is compiled only where its interface is among them.
 */
#ifndef JACKFIELD_BOUNDARY_H
#define JACKFIELD_BOUNDARY_H

#include "../src/internal.h"
#include "plugin.h"

/** A text as the bindings have it; NULL is empty. What is no UTF-8 is replaced: the host would end
 *  the activation for it. */
plugin_string_t jf_lower(const char *text);
/** As `jf_lower`; NULL is none. */
plugin_option_string_t jf_lower_some(const char *text);
/** A text from the host. */
const char *jf_lift(plugin_string_t text);
/** JSON as the bindings have it. */
plugin_string_t jf_lower_json(const jf_value *value);
/** A failure as the bindings have it. */
void jf_lower_failure(const jf_failure *failure, jackfield_plugin_types_failure_t *into);
/** Marks the activation with a refused call; answers false. */
bool jf_lift_refusal(const jackfield_plugin_types_call_error_t *error);

/** Texts, in a list of the bindings, which have one such type in each world that uses it. */
#define JF_LOWER_TEXTS(into, texts)                                                                \
    do {                                                                                           \
        (into)->ptr = jf_alloc((texts).count * sizeof *(into)->ptr);                               \
        (into)->len = (texts).count;                                                               \
        for (size_t i_ = 0; i_ < (texts).count; i_++)                                              \
            (into)->ptr[i_] = jf_lower((texts).items[i_]);                                         \
    } while (0)
/** Headers, likewise. */
#define JF_LOWER_HEADERS(into, first, many)                                                        \
    do {                                                                                           \
        (into)->ptr = jf_alloc((many) * sizeof *(into)->ptr);                                      \
        (into)->len = (many);                                                                      \
        for (size_t i_ = 0; i_ < (many); i_++) {                                                   \
            (into)->ptr[i_].f0 = jf_lower((first)[i_].name);                                       \
            (into)->ptr[i_].f1 = jf_lower((first)[i_].value);                                      \
        }                                                                                          \
    } while (0)
/** Headers from the host. */
#define JF_LIFT_HEADERS(into, from)                                                                \
    do {                                                                                           \
        jf_header *items_ = jf_alloc((from).len * sizeof *items_);                                 \
        for (size_t i_ = 0; i_ < (from).len; i_++)                                                 \
            items_[i_] = (jf_header){jf_lift((from).ptr[i_].f0), jf_lift((from).ptr[i_].f1)};      \
        *(into) = (jf_headers){items_, (from).len};                                                \
    } while (0)
/** Bytes, both ways; the bindings' type has no name that all worlds share. */
#define JF_LOWER_BYTES(bytes) {(uint8_t *)(bytes).data, (bytes).size}
#define JF_LIFT_BYTES(list) ((jf_bytes){(list).ptr, (list).len})

#endif
