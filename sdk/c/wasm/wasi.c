/**
 * What libc would ask of WASI, answered here: nothing is there.
 *
 * `snprintf` and its kin bring the closing of stdout along, `assert` and `exit` bring more. A plugin
 * has no files and nobody who waits for its end, so a file is always a bad one, and leaving ends the
 * activation. What a plugin prints goes nowhere: `jf_log_info` is the way. What is not answered here
 * (clocks, randomness, files by name) would be an import of WASI, which the build refuses by name.
 *
 * The names are those under which libc declares its imports.
 */
#include <stdint.h>

/** `EBADF` in WASI's own numbers. */
#define BAD_FILE 8

int32_t __imported_wasi_snapshot_preview1_fd_close(int32_t file);
int32_t __imported_wasi_snapshot_preview1_fd_seek(int32_t file, int64_t offset, int32_t whence,
                                                  int32_t position);
int32_t __imported_wasi_snapshot_preview1_fd_write(int32_t file, int32_t parts, int32_t count,
                                                   int32_t written);
int32_t __imported_wasi_snapshot_preview1_fd_fdstat_get(int32_t file, int32_t status);
_Noreturn void __imported_wasi_snapshot_preview1_proc_exit(int32_t status);

int32_t __imported_wasi_snapshot_preview1_fd_close(int32_t file)
{
    (void)file;
    return BAD_FILE;
}

int32_t __imported_wasi_snapshot_preview1_fd_seek(int32_t file, int64_t offset, int32_t whence,
                                                  int32_t position)
{
    (void)file, (void)offset, (void)whence, (void)position;
    return BAD_FILE;
}

int32_t __imported_wasi_snapshot_preview1_fd_write(int32_t file, int32_t parts, int32_t count,
                                                   int32_t written)
{
    (void)file, (void)parts, (void)count, (void)written;
    return BAD_FILE;
}

int32_t __imported_wasi_snapshot_preview1_fd_fdstat_get(int32_t file, int32_t status)
{
    (void)file, (void)status;
    return BAD_FILE;
}

_Noreturn void __imported_wasi_snapshot_preview1_proc_exit(int32_t status)
{
    (void)status;
    __builtin_trap();
}
