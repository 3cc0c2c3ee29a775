/* The logger: formats a line on the stack and hands it out whole; a line too long is cut. */
#include "base/logger.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { LOGGER_LINE_MAX = 2048 }; /* longer than any message of ours with a topic name in it */

void logger_init(struct logger *logger, const char *name, int64_t (*wall_ms)(void *),
                 void *clock_data)
{
    *logger = (struct logger){.level = LOGGER_INFO, .wall_ms = wall_ms, .clock_data = clock_data};
    snprintf(logger->name, sizeof(logger->name), "%s", name);
}

struct logger logger_of_area(const struct logger *logger, enum logger_area area)
{
    struct logger of_area = *logger;
    of_area.area = area;
    return of_area;
}

/* Copies text with control bytes escaped; returns the length, at most `room`. */
static int logger_escape(char *out, int room, const char *text)
{
    int len = 0;
    for (; *text && len + 5 <= room; text++) {
        unsigned char c = (unsigned char)*text;
        if (c >= 0x20 && c != 0x7f)
            out[len++] = (char)c;
        else
            len += snprintf(out + len, (size_t)(room - len), "\\x%02x", c);
    }
    return len;
}

static int logger_prefix(const struct logger *logger, enum logger_level level, char *out, int room)
{
    int len = 0;
    if (logger->wall_ms) {
        int64_t now_ms = logger->wall_ms(logger->clock_data);
        time_t seconds = (time_t)(now_ms / 1000);
        struct tm tm;
        localtime_r(&seconds, &tm);
        len = (int)strftime(out, (size_t)room, "[%Y-%m-%d %H:%M:%S", &tm);
        len += snprintf(out + len, (size_t)(room - len), ",%03d] ", (int)(now_ms % 1000));
    }
    return len + snprintf(out + len, (size_t)(room - len), "%s [%s] ", logger_level_word(level),
                          logger->name);
}

/* Whether the quota lasts for another line; else it is counted. */
static bool logger_may(struct logger_quota *quota, enum logger_level level)
{
    if (!quota || level < LOGGER_INFO || quota->left-- > 0)
        return true;
    quota->left = 0;
    quota->held++;
    if (level > quota->level)
        quota->level = level;
    return false;
}

void logger_print(struct logger *logger, enum logger_level level, const char *format, ...)
{
    if (!logger_wants(logger, level) || !logger_may(logger->quota, level))
        return;
    char text[LOGGER_LINE_MAX];
    char line[LOGGER_LINE_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    int len = logger_prefix(logger, level, line, sizeof(line) / 2);
    len += logger_escape(line + len, (int)sizeof(line) - 1 - len, text);
    line[len++] = '\n';
    if (logger->sink) {
        logger->sink(logger->sink_data, line, len);
        return;
    }
    ssize_t written = write(STDOUT_FILENO, line, (size_t)len);
    (void)written; /* there is nobody left to tell */
}
