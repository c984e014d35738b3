/**
 * A struct that is declared once, and gives the C type, the JSON Schema (2020-12) and the reader.
 *
 *     #define SETTINGS(FIELD)                                                        \
 *         FIELD(text, base_url, "Where the gateway is.", .required = true)           \
 *         FIELD(integer, retries, "How often to try.", .fallback = "3")              \
 *         FIELD(texts, tags, "Put on the contact.")
 *     JF_SETTINGS(settings, SETTINGS)
 *
 * makes the type `settings` with the members `base_url`, `retries` and `tags`, and `settings_type`,
 * which a descriptor takes. Settings have their names in kebab-case (`base-url`), as the authors
 * of workflows write them, and refuse members that they do not know. `JF_OUTPUT` declares what
 * later steps read (`$steps.ID.message_id`): its names stand as they are.
 *
 * Kinds: `text` (`const char *`), `integer` (`int64_t`), `number` (`double`), `boolean` (`bool`),
 * `texts` (`jf_texts`), `value` (`const jf_value *`, any JSON), `record(T)` (`const T *`) and
 * `records(T)` (`struct { const T *items; size_t count; }`), where `T` is declared in this way too.
 *
 * What must hold: what is neither required nor given and has no fallback is all zeros (NULL, 0,
 * false, empty); such a field takes `null` as "not given".
 */
#ifndef JACKFIELD_RECORD_H
#define JACKFIELD_RECORD_H

#include "json.h"
#include "memory.h"

typedef struct jf_field jf_field;
typedef struct jf_kind jf_kind;

/** A declared struct. */
typedef struct jf_type {
    const jf_field *fields;
    size_t count;
    size_t size;
    /** Names are written in kebab-case. */
    bool kebab;
    /** Unknown members are ignored instead of refused. */
    bool open;
} jf_type;

/** One field. All but the first four are what `FIELD` takes after the description. */
struct jf_field {
    const char *member;
    const jf_kind *kind;
    /** Of `record` and `records`. */
    const jf_type *(*of)(void);
    size_t offset;
    /** For people. */
    const char *description;
    /** It must be given. */
    bool required;
    /** What it is when it is not given: a text as it stands, everything else as JSON. */
    const char *fallback;
    /** The only texts that there may be. */
    const char *choices[16];
    /** More for the schema: `.schema = JF_JSON({"x-jackfield-ref": "channel"})`. The host holds
     *  settings against it; the reader itself looks at types, names and choices. */
    const char *schema;
};

/** Declares settings; see above. */
#define JF_SETTINGS(name, FIELDS) JF_RECORD(name, FIELDS, .kebab = true)
/** Declares an output. */
#define JF_OUTPUT(name, FIELDS) JF_RECORD(name, FIELDS, .kebab = false)

/** Declares any struct; `.kebab` and `.open` as in `jf_type`. */
#define JF_RECORD(name, FIELDS, ...)                                                               \
    typedef struct name {                                                                          \
        FIELDS(JF_MEMBER_)                                                                         \
    } name;                                                                                        \
    __attribute__((unused)) static const jf_type *name##_type(void)                                \
    {                                                                                              \
        typedef name jf_owner;                                                                     \
        static const jf_field list[] = {FIELDS(JF_ENTRY_)};                                        \
        static const jf_type type = {                                                              \
            .fields = list,                                                                        \
            .count = sizeof list / sizeof *list,                                                   \
            .size = sizeof(jf_owner),                                                              \
            __VA_ARGS__,                                                                           \
        };                                                                                         \
        return &type;                                                                              \
    }

/** What is wrong with a value, and where (`headers[0].name`; empty: the value itself). */
typedef struct jf_mistake {
    const char *place;
    const char *reason;
} jf_mistake;

/** Reads a value into a struct. */
bool jf_read(const jf_type *(*type)(void), const jf_value *value, void *into, jf_mistake *mistake);
/** A struct as a value; what is zero and not required is left out. */
jf_value *jf_write(const jf_type *(*type)(void), const void *from);
/** The JSON Schema of a struct. */
jf_value *jf_schema(const jf_type *(*type)(void));

/* The rest is what the macros above are made of. Each kind is a value of its own, so that the
 * linker leaves out the kinds that a plugin does not use. */
extern const jf_kind jf_kind_text, jf_kind_integer, jf_kind_number, jf_kind_boolean, jf_kind_texts,
    jf_kind_value, jf_kind_record, jf_kind_records;
#define JF_MEMBER_(kind, member, ...) JF_C_##kind member;
#define JF_C_text const char *
#define JF_C_integer int64_t
#define JF_C_number double
#define JF_C_boolean bool
#define JF_C_texts jf_texts
#define JF_C_value const jf_value *
#define JF_C_record(T) const T *
#define JF_C_records(T)                                                                            \
    struct {                                                                                       \
        const T *items;                                                                            \
        size_t count;                                                                              \
    }
#define JF_ENTRY_(named, field, ...)                                                               \
    {.member = #field, .kind = JF_K_##named, .offset = offsetof(jf_owner, field),                  \
     .description = __VA_ARGS__},
#define JF_K_text &jf_kind_text
#define JF_K_integer &jf_kind_integer
#define JF_K_number &jf_kind_number
#define JF_K_boolean &jf_kind_boolean
#define JF_K_texts &jf_kind_texts
#define JF_K_value &jf_kind_value
#define JF_K_record(T) &jf_kind_record, .of = T##_type
#define JF_K_records(T) &jf_kind_records, .of = T##_type

#endif
