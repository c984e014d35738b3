/** The import `log`. */
#include "boundary.h"

static void write_line(jackfield_plugin_log_level_t level, const char *format, va_list arguments)
{
    plugin_string_t line = jf_lower(jf_format_list(format, arguments));
    jackfield_plugin_log_write(level, &line);
}

#define LINE(level)                                                                                \
    va_list arguments;                                                                             \
    va_start(arguments, format);                                                                   \
    write_line(JACKFIELD_PLUGIN_LOG_LEVEL_##level, format, arguments);                             \
    va_end(arguments);

void jf_log_debug(const char *format, ...)
{
    LINE(DEBUG)
}

void jf_log_info(const char *format, ...)
{
    LINE(INFO)
}

void jf_log_warn(const char *format, ...)
{
    LINE(WARN)
}

void jf_log_error(const char *format, ...)
{
    LINE(ERROR)
}
