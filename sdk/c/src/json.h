/** What a JSON value is made of: for the files that read and write them. */
#ifndef JACKFIELD_JSON_VALUE_H
#define JACKFIELD_JSON_VALUE_H

#include "internal.h"

struct jf_value {
    jf_json_type type;
    bool boolean;
    /** Of lists and objects. */
    size_t count;
    size_t capacity;
    union {
        /** A string's text, or a number as it is written. */
        const char *text;
        struct {
            const jf_value **items;
            /** Of objects alone. */
            const char **names;
        };
    };
};

/** A string of a text that is kept already. */
const jf_value *jf_string(const char *kept);
/** Adds an item, or a member (its name is kept already) without looking for one of that
 *  name. */
void jf_grow(jf_value *container, const char *name, const jf_value *item);

#endif
