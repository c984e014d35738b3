/**
 * Memory, texts and bytes.
 *
 * Everything lives until the activation ends; there is nothing to free. In the sandbox that is so
 * because the sandbox itself is thrown away; in a unit test the harness frees all of it at the end
 * of the test, so that the address sanitizer sees what an author's own `malloc` leaks.
 *
 * A function that is given a text keeps a copy of it; a struct that is returned by its address points
 * to what its author has put there, which then must not lie on the stack.
 */
#ifndef JACKFIELD_MEMORY_H
#define JACKFIELD_MEMORY_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** So many bytes of zeros, aligned for any type. Never NULL: where there is no more memory, the
 *  activation ends. */
void *jf_alloc(size_t size);

/** A text that is made as `printf` makes one. */
const char *jf_format(const char *format, ...) __attribute__((format(printf, 1, 2)));

/** As `jf_format`, for functions that take a format themselves. */
const char *jf_format_list(const char *format, va_list arguments)
    __attribute__((format(printf, 1, 0)));

/** A text of so many bytes, ended by a NUL; a NUL inside becomes U+FFFD. */
const char *jf_text_of(const char *start, size_t length);

/** Whether two texts are the same; NULL is the same as NULL alone. */
bool jf_equal(const char *one, const char *other);

/** Whether a text begins with another. */
bool jf_starts_with(const char *text, const char *start);

/** Several texts. */
typedef struct jf_texts {
    const char *const *items;
    size_t count;
} jf_texts;

/** These texts: `jf_texts tags = JF_TEXTS("new", "vip")`, valid as long as the block it stands in. */
#define JF_TEXTS(...)                                                                              \
    ((jf_texts){(const char *const[]){__VA_ARGS__},                                                \
                sizeof((const char *const[]){__VA_ARGS__}) / sizeof(const char *)})

/** Bytes that need not be a text. */
typedef struct jf_bytes {
    const uint8_t *data;
    size_t size;
} jf_bytes;

/** The bytes of a text, without the NUL. */
jf_bytes jf_bytes_of(const char *text);

/** Bytes as a text; what is no UTF-8 becomes U+FFFD, and so does a NUL. */
const char *jf_text_of_bytes(jf_bytes bytes);

/** Bytes as lower-case hexadecimal digits, and back; false where it is none. */
const char *jf_hex(jf_bytes bytes);
bool jf_unhex(const char *text, jf_bytes *bytes);

/** Bytes in base64 (RFC 4648, section 4, with padding), and back; false where it is none. */
const char *jf_base64(jf_bytes bytes);
bool jf_unbase64(const char *text, jf_bytes *bytes);

#endif
