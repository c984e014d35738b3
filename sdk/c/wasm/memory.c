/**
 * The allocator of a plugin: a bump arena in the initial memory.
 *
 * An activation is short and its sandbox is thrown away afterwards, so there is little to gain by
 * keeping free lists, and much to lose by `memory.grow`: each growth is a system call under a lock
 * of the whole host process. The first 512 KiB are a static that lies in the zeroes of the initial
 * memory; what does not fit grows it.
 *
 * `malloc` and its kin are here too, so that libc's allocator is not linked beside this one. What
 * must hold: a component has one thread; nothing else moves the end of the memory (nothing here
 * calls `sbrk`); memory above `used` was never handed out, so it is zero. The newest block can be
 * freed and can grow in place, which is what a growing buffer does most of the time; the others
 * stay until the end.
 */
#include <jackfield.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/** Enough for the JSON of an ordinary activation. */
#define SIZE (512 * 1024)
#define PAGE 65536
#define ALIGNMENT 16

static _Alignas(ALIGNMENT) unsigned char arena[SIZE];
/** The first free byte, the end of the region it lies in, and how far it was ever handed out. */
static unsigned char *next = arena;
static unsigned char *end = arena + SIZE;
static unsigned char *used = arena;

static bool grow(size_t size)
{
    size_t pages = size / PAGE + 1;
    if (pages < SIZE / PAGE)
        pages = SIZE / PAGE;
    size_t old = __builtin_wasm_memory_grow(0, pages);
    if (old == SIZE_MAX)
        return false;
    unsigned char *start = (unsigned char *)(old * PAGE);
    if (start != end)
        next = used = start;
    end = start + pages * PAGE;
    return true;
}

static size_t rounded(size_t size)
{
    return (size + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
}

/** Moves the first free byte on; what lies in between is zero afterwards. */
static void advance(size_t size)
{
    unsigned char *start = next;
    next += size;
    if (start < used)
        memset(start, 0, (size_t)((next < used ? next : used) - start));
    if (next > used)
        used = next;
}

static void *take(size_t size)
{
    if (size > SIZE_MAX / 2)
        return NULL;
    size = rounded(size);
    if (size > (size_t)(end - next) && !grow(size))
        return NULL;
    void *block = next;
    advance(size);
    return block;
}

void *jf_alloc(size_t size)
{
    void *block = take(size);
    if (!block)
        __builtin_trap();
    return block;
}

/** Before each block of `malloc`: its size. */
typedef struct header {
    _Alignas(ALIGNMENT) size_t size;
} header;

static header *header_of(void *block)
{
    return (header *)block - 1;
}

static bool is_newest(void *block)
{
    return (unsigned char *)block + rounded(header_of(block)->size) == next;
}

void *malloc(size_t size)
{
    header *start = size < SIZE_MAX / 2 ? take(sizeof(header) + size) : NULL;
    if (!start) {
        errno = ENOMEM;
        return NULL;
    }
    start->size = size;
    return start + 1;
}

/** With room in front, so that some place in it has the alignment; such a block is not reused. */
void *aligned_alloc(size_t alignment, size_t size)
{
    if (alignment > PAGE || size > SIZE_MAX / 2)
        return NULL;
    unsigned char *start = malloc(size + alignment + sizeof(header));
    if (!start || alignment <= ALIGNMENT)
        return start;
    uintptr_t at = ((uintptr_t)start + sizeof(header) + alignment - 1) & ~(uintptr_t)(alignment - 1);
    header_of((void *)at)->size = size;
    return (void *)at;
}

int posix_memalign(void **block, size_t alignment, size_t size)
{
    *block = aligned_alloc(alignment, size);
    return *block ? 0 : ENOMEM;
}

void *calloc(size_t count, size_t size)
{
    if (size && count > SIZE_MAX / size)
        return NULL;
    return malloc(count * size); /* which is zero already */
}

void free(void *block)
{
    if (block && is_newest(block))
        next = (unsigned char *)header_of(block);
}

void *realloc(void *block, size_t size)
{
    if (!block)
        return malloc(size);
    header *start = header_of(block);
    if (size <= start->size)
        return block;
    if (is_newest(block) && size <= SIZE_MAX / 2) {
        size_t more = rounded(size) - rounded(start->size);
        if (more <= (size_t)(end - next)) {
            advance(more);
            start->size = size;
            return block;
        }
    }
    void *moved = malloc(size);
    if (moved)
        memcpy(moved, block, start->size);
    return moved;
}

/** What the host writes its arguments and answers into. A text (alignment 1) has a zero after it,
 *  so that it need not be copied to be one of ours. */
__attribute__((export_name("cabi_realloc"))) void *cabi_realloc(void *block, size_t old_size,
                                                                size_t alignment, size_t size)
{
    (void)alignment; /* none of the contract's types wants more than ours */
    if (block && size <= old_size)
        return block;
    void *made = jf_alloc(size + 1);
    if (block)
        memcpy(made, block, old_size);
    return made;
}
