/* The logger: formats a line on the stack and hands it out whole; a line too long is cut, but is a
 * whole JSON object where it has to be one. */
#include "base/check.h"
#include "base/logger.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { LOGGER_LINE_MAX = 2048 }; /* longer than any message of ours with a topic name in it */

STATIC_ASSERT(LOGGER_LINE_MAX >= 1024, "a name, a time and a text fit into a line");
void logger_init(struct logger *logger, const char *name, int64_t (*wall_ms)(void *),
                 void *clock_data)
{
    ASSERT(name != NULL);
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
    ASSERT(room >= 0);
    for (; *text && len + 5 <= room; text++) {
        unsigned char c = (unsigned char)*text;
        if (c >= 0x20 && c != 0x7f)
            out[len++] = (char)c;
        else
            len += snprintf(out + len, (size_t)(room - len), "\\x%02x", c);
    }
    ASSERT(len <= room);
    return len;
}

/* The time up to the milliseconds; nothing without a clock. */
static int logger_time(const struct logger *logger, bool utc, char *out, int room)
{
    struct tm tm = {0};
    int len;
    ASSERT(room > 0);
    if (!logger->wall_ms)
        return 0;
    int64_t now_ms = logger->wall_ms(logger->clock_data);
    time_t seconds = (time_t)(now_ms / 1000);
    if (utc) {
        gmtime_r(&seconds, &tm);
        len = (int)strftime(out, (size_t)room, "%Y-%m-%dT%H:%M:%S.", &tm);
    } else {
        localtime_r(&seconds, &tm);
        len = (int)strftime(out, (size_t)room, "[%Y-%m-%d %H:%M:%S,", &tm);
    }
    ASSERT(len < room);
    return len + snprintf(out + len, (size_t)(room - len), "%03d", (int)(now_ms % 1000));
}

static int logger_prefix(const struct logger *logger, enum logger_level level, char *out, int room)
{
    int len = logger_time(logger, false, out, room);
    ASSERT(len < room);
    return len + snprintf(out + len, (size_t)(room - len), "%s%s [%s] ", len ? "] " : "",
                          logger_level_word(level), logger->name);
}

/* ---- as JSON ---- */

/* How many bytes the character has; 0 when it is no UTF-8. A NUL ends the text. */
static int logger_utf8(const unsigned char *at)
{
    unsigned char c = at[0];
    int rest = c < 0x80 ? 0 : c < 0xe0 ? 1 : c < 0xf0 ? 2 : 3;
    if ((c >= 0x80 && c < 0xc2) || c > 0xf4)
        return 0;
    for (int i = 1; i <= rest; i++)
        if ((at[i] & 0xc0) != 0x80)
            return 0;
    bool longer = (c == 0xe0 && at[1] < 0xa0) || (c == 0xf0 && at[1] < 0x90);
    bool surrogate = c == 0xed && at[1] >= 0xa0;
    bool beyond = c == 0xf4 && at[1] >= 0x90;
    return longer || surrogate || beyond ? 0 : rest + 1;
}

/* As logger_escape, for the inside of a JSON string. */
static int logger_escape_json(char *out, int room, const char *text)
{
    const unsigned char *at = (const unsigned char *)text;
    int len = 0;
    ASSERT(room >= 0);
    while (*at && len + 7 <= room) { /* the longest escape and a NUL */
        int bytes = logger_utf8(at);
        if (*at < 0x20 || *at == 0x7f) {
            len += snprintf(out + len, (size_t)(room - len), "\\u%04x", *at);
        } else if (*at == '"' || *at == '\\') {
            out[len++] = '\\';
            out[len++] = (char)*at;
        } else if (bytes == 0) {
            len += snprintf(out + len, (size_t)(room - len), "\\\\x%02x", *at);
        } else {
            memcpy(out + len, at, (size_t)bytes);
            len += bytes;
        }
        at += bytes ? bytes : 1;
    }
    ASSERT(len <= room);
    return len;
}

static int logger_line_json(const struct logger *logger, enum logger_level level, const char *text,
                            char *out, int room)
{
    static const char end[] = "\"}\n";
    const int end_len = (int)sizeof(end) - 1;
    char time[64] = "";
    (void)logger_time(logger, true, time, sizeof(time));
    int len = snprintf(out, (size_t)room, "{%s%s%s\"level\":\"%s\",\"area\":\"%s\",\"node\":%d,",
                       time[0] ? "\"time\":\"" : "", time, time[0] ? "Z\"," : "",
                       logger_level_word(level), logger_area_name(logger->area), logger->node_id);
    len += snprintf(out + len, (size_t)(room - len), "\"message\":\"");
    ASSERT(len < room - end_len);
    len += logger_escape_json(out + len, room - end_len - len, text);
    memcpy(out + len, end, (size_t)end_len);
    ASSERT(len + end_len <= room);
    return len + end_len;
}

static int logger_line(const struct logger *logger, enum logger_level level, const char *text,
                       char *out, int room)
{
    int len = logger_prefix(logger, level, out, room / 2);
    len += logger_escape(out + len, room - 1 - len, text);
    out[len++] = '\n';
    ASSERT(len <= room);
    return len;
}

/* ---- a line ---- */

/* Whether the quota lasts for another line; else it is counted. */
static bool logger_may(struct logger_quota *quota, enum logger_level level)
{
    if (!quota || level < LOGGER_INFO || quota->left-- > 0)
        return true;
    quota->left = 0;
    quota->held++;
    if (level > quota->level)
        quota->level = level;
    ASSERT(quota->left <= 0);
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
    int len = logger->json ? logger_line_json(logger, level, text, line, sizeof(line))
                           : logger_line(logger, level, text, line, sizeof(line));
    if (logger->sink) {
        logger->sink(logger->sink_data, line, len);
        return;
    }
    ssize_t written = write(STDOUT_FILENO, line, (size_t)len);
    (void)written; /* there is nobody left to tell */
}
