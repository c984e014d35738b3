/**
 * `jf_alloc` in a unit test: one block of `malloc` for each call, so that the address sanitizer sees
 * every byte past an end; all are freed when the next test begins.
 */
#include "internal.h"

#include <stdlib.h>

typedef struct block {
    struct block *next;
    _Alignas(max_align_t) unsigned char bytes[];
} block;

static block *blocks;

static void free_all(void)
{
    while (blocks) {
        block *next = blocks->next;
        free(blocks);
        blocks = next;
    }
}

void *jf_alloc(size_t size)
{
    block *made = size <= SIZE_MAX - sizeof *made ? calloc(1, sizeof *made + size) : NULL;
    if (!made)
        abort();
    if (!blocks)
        atexit(free_all);
    made->next = blocks;
    blocks = made;
    return made->bytes;
}

static jf_host *host;

jf_host *jf_host_new(void)
{
    free_all();
    host = jf_alloc(sizeof *host);
    host->now = 1767225600000;
    host->attempt = 1;
    host->trigger = "{}";
    host->variables = "{\"vars\":{},\"steps\":{}}";
    host->set = jf_object();
    return host;
}

jf_host *jf_the_host(void)
{
    if (!host)
        jf_test_wrong(__FILE__, __LINE__, "there is no test host: call `jf_host_new` first");
    return host;
}
