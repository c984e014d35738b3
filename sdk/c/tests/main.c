/** Runs all groups of the SDK's tests. */
#include "tests.h"

int main(void)
{
    text_tests();
    json_tests();
    record_tests();
    schema_tests();
    digest_tests();
    step_tests();
    connector_tests();
    import_tests();
    return jf_tested();
}
