/* Points in time in the patterns of Java's SimpleDateFormat.
 *
 * A run of one letter is a field whose width is the length of the run; text in quotes and what is
 * no letter stands for itself. Failure modes: a letter that is no field, or a quote without an end.
 */
#include "tools/date_format.h"

#include <stdbool.h>
#include <string.h>
#include <time.h>

#include "base/err.h"

static const char date_format_letters[] = "GyMdDHkKhmsSaEuzZX";

static bool date_format_is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static size_t date_format_run(const char *at)
{
    size_t len = 1;
    while (at[len] == at[0])
        len++;
    return len;
}

/* The length of the quoted text at the quote `at`, both quotes included; 0 = it has no end. Two
 * quotes in it are one. */
static size_t date_format_quoted(const char *at, struct buf *out)
{
    size_t i = 1;
    if (at[1] == '\'') {
        if (out)
            buf_printf(out, "'");
        return 2;
    }
    for (; at[i]; i++) {
        if (at[i] == '\'' && at[i + 1] != '\'')
            return i + 1;
        if (at[i] == '\'')
            i++;
        if (out)
            buf_printf(out, "%c", at[i]);
    }
    return 0;
}

int date_format_check(const char *pattern, struct buf *problem)
{
    for (const char *at = pattern; *at;) {
        if (*at == '\'') {
            size_t len = date_format_quoted(at, NULL);
            if (len == 0) {
                buf_printf(problem, "%s: the text in quotes has no end", pattern);
                return ERR_INVALID;
            }
            at += len;
        } else if (date_format_is_letter(*at) && !strchr(date_format_letters, *at)) {
            buf_printf(problem, "%s: the letter %c can't be used: there are %s, and text in quotes",
                       pattern, *at, date_format_letters);
            return ERR_INVALID;
        } else {
            at++;
        }
    }
    return 0;
}

/* "+0100", "+01:00", "+01", or Z. */
static void date_format_zone(char letter, size_t width, long offset_s, struct buf *out)
{
    char sign = offset_s < 0 ? '-' : '+';
    long minutes = (offset_s < 0 ? -offset_s : offset_s) / 60;
    if (letter == 'X' && minutes == 0)
        buf_printf(out, "Z");
    else if (letter == 'X' && width == 1)
        buf_printf(out, "%c%02ld", sign, minutes / 60);
    else
        buf_printf(out, "%c%02ld%s%02ld", sign, minutes / 60, letter == 'X' && width > 2 ? ":" : "",
                   minutes % 60);
}

/* Fields that are words; false when this one is a number. */
static bool date_format_name(char letter, size_t width, const struct tm *tm, char text[64])
{
    if (letter == 'M' && width == 3)
        return strftime(text, 64, "%b", tm) > 0;
    if (letter == 'M' && width > 3)
        return strftime(text, 64, "%B", tm) > 0;
    if (letter == 'E')
        return (width > 3 ? strftime(text, 64, "%A", tm) : strftime(text, 64, "%a", tm)) > 0;
    if (letter == 'a')
        return strftime(text, 64, "%p", tm) > 0;
    return letter == 'z' && strftime(text, 64, "%Z", tm) > 0;
}

static int date_format_number(char letter, const struct tm *tm, int64_t ms)
{
    switch (letter) {
    case 'd':
        return tm->tm_mday;
    case 'D':
        return tm->tm_yday + 1;
    case 'H':
        return tm->tm_hour;
    case 'k':
        return tm->tm_hour == 0 ? 24 : tm->tm_hour;
    case 'K':
        return tm->tm_hour % 12;
    case 'h':
        return tm->tm_hour % 12 == 0 ? 12 : tm->tm_hour % 12;
    case 'm':
        return tm->tm_min;
    case 's':
        return tm->tm_sec;
    case 'S':
        return (int)ms;
    case 'u':
        return tm->tm_wday == 0 ? 7 : tm->tm_wday;
    default: /* M */
        return tm->tm_mon + 1;
    }
}

static void date_format_field(char letter, size_t width, const struct tm *tm, int64_t ms,
                              struct buf *out)
{
    int year = tm->tm_year + 1900;
    char name[64];
    if (letter == 'G')
        buf_printf(out, "AD");
    else if (letter == 'y' && width == 2)
        buf_printf(out, "%02d", year % 100);
    else if (letter == 'y')
        buf_printf(out, "%0*d", (int)width, year);
    else if (letter == 'Z' || letter == 'X')
        date_format_zone(letter, width, tm->tm_gmtoff, out);
    else if (date_format_name(letter, width, tm, name))
        buf_printf(out, "%s", name);
    else
        buf_printf(out, "%0*d", (int)width, date_format_number(letter, tm, ms));
}

void date_format_print(const char *pattern, int64_t wall_ms, struct buf *out)
{
    time_t seconds = (time_t)(wall_ms / 1000);
    struct tm tm;
    localtime_r(&seconds, &tm);
    for (const char *at = pattern; *at;) {
        if (*at == '\'') {
            at += date_format_quoted(at, out);
        } else if (date_format_is_letter(*at)) {
            size_t width = date_format_run(at);
            date_format_field(*at, width, &tm, wall_ms % 1000, out);
            at += width;
        } else {
            buf_printf(out, "%c", *at++);
        }
    }
}
