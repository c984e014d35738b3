/** The groups of the SDK's tests; each file is one. */
#ifndef JACKFIELD_TESTS_H
#define JACKFIELD_TESTS_H

#include "../testing/internal.h"

void json_tests(void);
void text_tests(void);
void record_tests(void);
void step_tests(void);
void connector_tests(void);
void import_tests(void);
void digest_tests(void);
void schema_tests(void);

#endif
