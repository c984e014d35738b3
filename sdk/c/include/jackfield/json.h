/**
 * JSON values (RFC 8259): read, looked at, made and written.
 *
 * Looking at a value takes NULL for "not there" and so can be chained:
 * `jf_text(jf_get(jf_get(contact, "address"), "city"), "nowhere")`.
 *
 * What must hold: a text from outside is read within bounds, 64 levels deep at most, strictly as
 * the standard has it; an integer keeps every digit on its way through.
 */
#ifndef JACKFIELD_JSON_H
#define JACKFIELD_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** One value. It may stand in several objects and lists at once. */
typedef struct jf_value jf_value;

/** What a value is. */
typedef enum jf_json_type {
    JF_NOTHING, /**< not there at all */
    JF_NULL,
    JF_BOOLEAN,
    JF_NUMBER,
    JF_STRING,
    JF_LIST,
    JF_OBJECT
} jf_json_type;

/** How deep lists and objects may stand in each other. */
#define JF_DEPTH 64

/** JSON as it is written, as a text: `JF_JSON({"a": [1, true]})` needs no escapes. */
#define JF_JSON(...) #__VA_ARGS__

/** Reads JSON; NULL where it is none, with the reason in `*reason` unless that is NULL. */
const jf_value *jf_parse(const char *json, const char **reason);
/** As `jf_parse`, for so many bytes. */
const jf_value *jf_parse_bytes(const void *json, size_t size, const char **reason);

/** Writes a value without spaces; NULL is written as `null`. */
const char *jf_json(const jf_value *value);

/** What a value is. */
jf_json_type jf_type_of(const jf_value *value);
/** The member of an object; NULL where there is none. Of several with one name the last. */
const jf_value *jf_get(const jf_value *object, const char *name);
/** How many items or members there are; 0 for everything else. */
size_t jf_count(const jf_value *list_or_object);
/** An item of a list, or the value of an object's member by its place; NULL past the end. */
const jf_value *jf_at(const jf_value *list_or_object, size_t index);
/** The name of an object's member by its place; NULL past the end. */
const char *jf_name_at(const jf_value *object, size_t index);

/** The text of a string; `otherwise` for everything else. */
const char *jf_text(const jf_value *value, const char *otherwise);
/** The number; `otherwise` for everything else. */
double jf_number(const jf_value *value, double otherwise);
/** The number where it is an integer within 64 bits (`5` and `5.0` are); else `otherwise`. */
int64_t jf_integer(const jf_value *value, int64_t otherwise);
/** The boolean; `otherwise` for everything else. */
bool jf_boolean(const jf_value *value, bool otherwise);
/** Whether two values say the same; the order of members does not matter. */
bool jf_same(const jf_value *one, const jf_value *other);

/** Makes values. */
jf_value *jf_object(void);
jf_value *jf_list(void);
const jf_value *jf_null(void);
const jf_value *jf_of_text(const char *text); /**< NULL makes `null` */
const jf_value *jf_of_number(double number);  /**< what JSON has no number for makes `null` */
const jf_value *jf_of_integer(int64_t number);
const jf_value *jf_of_unsigned(uint64_t number);
const jf_value *jf_of_boolean(bool boolean);
const jf_value *jf_of_value(const jf_value *value); /**< itself; NULL makes `null` */

/** The value of anything that C has for it: `jf_of("Ann")`, `jf_of(5)`, `jf_of(true)`. */
#define jf_of(x)                                                                                   \
    _Generic((x),                                                                                  \
        char *: jf_of_text,                                                                        \
        const char *: jf_of_text,                                                                  \
        bool: jf_of_boolean,                                                                       \
        float: jf_of_number,                                                                       \
        double: jf_of_number,                                                                      \
        signed char: jf_of_integer,                                                                \
        short: jf_of_integer,                                                                      \
        int: jf_of_integer,                                                                        \
        long: jf_of_integer,                                                                       \
        long long: jf_of_integer,                                                                  \
        unsigned char: jf_of_unsigned,                                                             \
        unsigned short: jf_of_unsigned,                                                            \
        unsigned: jf_of_unsigned,                                                                  \
        unsigned long: jf_of_unsigned,                                                             \
        unsigned long long: jf_of_unsigned,                                                        \
        jf_value *: jf_of_value,                                                                   \
        const jf_value *: jf_of_value)(x)

/* To C before C23 `true` is the integer 1, and `jf_of(true)` would be a number. The standard lets a
 * program define the two words anew (C11, 7.18). What a comparison comes to stays an integer: write
 * `jf_of_boolean(a == b)`. */
#if __STDC_VERSION__ < 202311L
#undef true
#undef false
#define true ((bool)1)
#define false ((bool)0)
#endif

/** Sets a member, or sets it anew: `jf_set(body, "to", address)`. */
#define jf_set(object, name, x) jf_set_value(object, name, jf_of(x))
void jf_set_value(jf_value *object, const char *name, const jf_value *value);
/** Adds an item to a list: `jf_add(list, 5)`. */
#define jf_add(list, x) jf_add_value(list, jf_of(x))
void jf_add_value(jf_value *list, const jf_value *value);

#endif
