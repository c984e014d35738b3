/** What the files of the test host share. */
#ifndef JACKFIELD_TESTING_INTERNAL_H
#define JACKFIELD_TESTING_INTERNAL_H

#include "../src/internal.h"
#include "jackfield_testing.h"

/** The host in place; a test that forgot it is told so. */
jf_host *jf_the_host(void);

/** A free place in one of the host's lists; a test that does more than there is room for ends. */
size_t jf_room(size_t *count);

/** The JSON of a test; what is none ends it. */
const jf_value *jf_json_of(const char *what, const char *json);

/** The published schema of this name; read from `wit/schemas`, beside the SDK's folder. */
const jf_value *jf_published(const char *name);
/** The first mistake of a value under a schema, with its place; NULL where there is none. */
const char *jf_breaks(const jf_value *schema, const jf_value *value);
/** Ends the test where a value breaks a schema. */
void jf_hold(const char *what, const jf_value *schema, const jf_value *value);

/** The digest of data, and the HMAC (RFC 2104). */
jf_bytes jf_digest(jf_algorithm algorithm, jf_bytes data);
jf_bytes jf_hmac(jf_algorithm algorithm, jf_bytes key, jf_bytes data);

#endif
