/**
 * What a plugin says of itself, in the parts that steps and connectors share.
 *
 * The structs follow the descriptors' schemas in `wit/schemas`; what is left out is left out there.
 * The settings' schema is made from their declaration, so nothing is written twice.
 */
#ifndef JACKFIELD_DESCRIPTOR_H
#define JACKFIELD_DESCRIPTOR_H

#include "record.h"

/** Where a secret's value may be put by the host; several are added by `|`. */
typedef enum jf_place {
    JF_IN_HEADER = 1 << 0,
    JF_IN_BASIC_AUTH = 1 << 1,
    JF_IN_QUERY = 1 << 2,
    JF_IN_PATH = 1 << 3,
    JF_IN_BODY = 1 << 4,
    JF_IN_SMTP_AUTH = 1 << 5,
    JF_IN_HMAC = 1 << 6,
    JF_IN_SIGN = 1 << 7
} jf_place;

/** A secret that the plugin uses by name; it never sees the value. */
typedef struct jf_secret {
    const char *name;
    const char *title;
    /** Where to find it, for people. */
    const char *summary;
    /** The plugin works without it. */
    bool optional;
    /** Where it may go; none: every granted host. */
    const char *hosts[8];
    /** At least one `jf_place`. */
    unsigned places;
} jf_secret;

/** What a plugin proposes for one activation; 0 is the host's default. */
typedef struct jf_limits {
    uint64_t fuel;           /**< units of work */
    uint64_t memory;         /**< bytes over all linear memories */
    uint64_t table_elements; /**< elements over all tables */
    uint64_t deadline_ms;    /**< wall-clock milliseconds, host calls included */
    uint64_t bytes_in;       /**< from the host into the plugin */
    uint64_t bytes_out;      /**< from the plugin to the host */
    uint64_t host_calls;
    uint64_t log_lines;
    uint64_t log_bytes;
    uint64_t output; /**< bytes of output and state */
} jf_limits;

/** The most hosts that a descriptor may name. */
#define JF_HOSTS 32
/** The most secrets that this SDK has room for. */
#define JF_SECRETS 8

#endif
