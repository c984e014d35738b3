/** Running tests and saying what went wrong. */
#include "internal.h"

#include <stdlib.h>

static size_t passed;
static const char *running = "before any test";

void jf_test_run(const char *name, void (*test)(void))
{
    running = name;
    test();
    printf("ok   %s\n", name);
    passed++;
}

int jf_tested(void)
{
    jf_host_new(); /* frees what the last test has left */
    printf("%zu tests passed\n", passed);
    return passed ? EXIT_SUCCESS : EXIT_FAILURE;
}

void jf_test_wrong(const char *file, int line, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fflush(stdout);
    fprintf(stderr, "FAIL %s\n%s:%d: ", running, file, line);
    vfprintf(stderr, format, arguments);
    fprintf(stderr, "\n");
    va_end(arguments);
    exit(EXIT_FAILURE);
}

void jf_test_same_text(const char *file, int line, const char *found, const char *wanted)
{
    if (!jf_equal(found, wanted))
        jf_test_wrong(file, line, "found `%s`, not `%s`", found ? found : "(nothing)",
                      wanted ? wanted : "(nothing)");
}

void jf_test_same_json(const char *file, int line, const jf_value *found, const char *wanted)
{
    const char *reason = NULL;
    const jf_value *value = jf_parse(wanted, &reason);
    if (!value)
        jf_test_wrong(file, line, "the test's own JSON is none: %s", reason);
    if (!jf_same(found, value))
        jf_test_wrong(file, line, "found %s\n, not %s", found ? jf_json(found) : "(nothing)",
                      jf_json(value));
}

const jf_value *jf_json_of(const char *what, const char *json)
{
    const char *reason = NULL;
    const jf_value *value = jf_parse(json, &reason);
    if (!value)
        jf_test_wrong(__FILE__, __LINE__, "%s is no JSON: %s\n%s", what, reason, json);
    return value;
}

void jf_hold(const char *what, const jf_value *schema, const jf_value *value)
{
    const char *mistake = jf_breaks(schema, value);
    if (mistake)
        jf_test_wrong(__FILE__, __LINE__, "%s breaks its schema: %s\n%s", what, mistake,
                      jf_json(value));
}
