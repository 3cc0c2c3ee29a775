/* Points in time, lengths of time and rows of CSV, as offset resets take them.
 *
 * Happy path: one pass over the text, each part checked as it is read. Failure modes: anything that
 * is left over or out of range makes the whole text wrong; nothing is guessed. */
#include "tools/reset_spec.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"

enum { RESET_CELLS_MAX = 4 };
enum { RESET_MS_PER_S = 1000, RESET_MS_PER_MIN = 60000, RESET_MS_PER_H = 3600000 };
#define RESET_MS_PER_DAY INT64_C(86400000)
/* Ten thousand years: far beyond any record, and no product below overflows. */
#define RESET_MS_MAX (INT64_C(3652500) * RESET_MS_PER_DAY)

/* ---- points in time ---- */

/* Exactly `digits` digits. */
static bool datetime_number(const char **at, int digits, int min, int max, int *value)
{
    *value = 0;
    for (int i = 0; i < digits; i++, (*at)++) {
        if (!isdigit((unsigned char)**at))
            return false;
        *value = *value * 10 + (**at - '0');
    }
    return *value >= min && *value <= max;
}

static bool datetime_take(const char **at, char c)
{
    if (**at != c)
        return false;
    (*at)++;
    return true;
}

/* Days from 1970-01-01, by counting leap days in a year that begins in March. */
static int64_t datetime_days(int year, int month, int day)
{
    int64_t y = month <= 2 ? year - 1 : year;
    int64_t m = month <= 2 ? month + 9 : month - 3;
    return y * 365 + y / 4 - y / 100 + y / 400 + (m * 153 + 2) / 5 + day - 1 - 719468;
}

static int datetime_month_days(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return days[month - 1] + (month == 2 && leap);
}

/* ".5" is 500 ms; more than three digits are read and say nothing. */
static bool datetime_fraction(const char **at, int *ms)
{
    int scale = 100;
    *ms = 0;
    if (!datetime_take(at, '.'))
        return true;
    if (!isdigit((unsigned char)**at))
        return false;
    for (; isdigit((unsigned char)**at); (*at)++, scale /= 10)
        *ms += (**at - '0') * scale;
    return true;
}

static bool datetime_zone(const char **at, int *minutes)
{
    int hours = 0, rest = 0;
    *minutes = 0;
    if (**at == '\0' || datetime_take(at, 'Z'))
        return true;
    int sign = **at == '-' ? -1 : 1;
    if (**at != '-' && **at != '+')
        return false;
    (*at)++;
    if (!datetime_number(at, 2, 0, 18, &hours))
        return false;
    if (**at != '\0') {
        datetime_take(at, ':');
        if (!datetime_number(at, 2, 0, 59, &rest))
            return false;
    }
    *minutes = sign * (hours * 60 + rest);
    return true;
}

bool reset_spec_datetime(const char *text, int64_t *ms)
{
    int year, month, day, hour, minute, second, fraction, zone;
    const char *at = text;
    bool right = datetime_number(&at, 4, 0, 9999, &year) && datetime_take(&at, '-') &&
                 datetime_number(&at, 2, 1, 12, &month) && datetime_take(&at, '-') &&
                 datetime_number(&at, 2, 1, datetime_month_days(year, month), &day) &&
                 datetime_take(&at, 'T') && datetime_number(&at, 2, 0, 23, &hour) &&
                 datetime_take(&at, ':') && datetime_number(&at, 2, 0, 59, &minute) &&
                 datetime_take(&at, ':') && datetime_number(&at, 2, 0, 59, &second) &&
                 datetime_fraction(&at, &fraction) && datetime_zone(&at, &zone) && *at == '\0';
    if (!right)
        return false;
    *ms = datetime_days(year, month, day) * RESET_MS_PER_DAY + (int64_t)hour * RESET_MS_PER_H +
          (int64_t)(minute - zone) * RESET_MS_PER_MIN + (int64_t)second * RESET_MS_PER_S + fraction;
    return true;
}

/* ---- lengths of time ---- */

/* A number with its unit, "12H"; the unit is one of `units`, which are used up from the left. */
static bool duration_part(const char **at, const char **units, int64_t *ms)
{
    static const struct {
        char letter;
        int64_t ms;
    } sizes[] = {{'D', RESET_MS_PER_DAY},
                 {'H', RESET_MS_PER_H},
                 {'M', RESET_MS_PER_MIN},
                 {'S', RESET_MS_PER_S}};
    char *end;
    int fraction = 0;
    bool negative = **at == '-';
    const char *digits = *at + (**at == '-' || **at == '+');
    if (!isdigit((unsigned char)*digits))
        return false;
    errno = 0;
    int64_t number = strtoll(digits, &end, 10);
    *at = end;
    bool has_fraction = **at == '.';
    if (errno || !datetime_fraction(at, &fraction))
        return false;
    char letter = (char)toupper((unsigned char)**at);
    const char *found = letter ? strchr(*units, letter) : NULL;
    if (!found || (has_fraction && letter != 'S'))
        return false;
    *units = found + 1;
    (*at)++;
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        if (sizes[i].letter != letter)
            continue;
        if (number > RESET_MS_MAX / sizes[i].ms)
            return false;
        *ms += (negative ? -1 : 1) * (number * sizes[i].ms + fraction);
    }
    return true;
}

bool reset_spec_duration(const char *text, int64_t *ms)
{
    const char *days = "D", *times = "HMS";
    const char *at = text;
    bool negative = *at == '-';
    at += *at == '-' || *at == '+';
    *ms = 0;
    if (toupper((unsigned char)*at) != 'P')
        return false;
    at++;
    bool some = *at != '\0' && toupper((unsigned char)*at) != 'T';
    if (some && !duration_part(&at, &days, ms))
        return false;
    if (toupper((unsigned char)*at) == 'T') {
        at++;
        do {
            if (!duration_part(&at, &times, ms))
                return false;
        } while (*at != '\0');
        some = true;
    }
    if (negative)
        *ms = -*ms;
    return some && *at == '\0';
}

/* ---- CSV ---- */

/* Takes a cell and the comma behind it; NULL when a quote is not closed. */
static char *csv_cell(const char **at, const char *end)
{
    struct buf cell;
    bool quoted = *at < end && **at == '"';
    bool closed = !quoted;
    buf_init(&cell);
    for (*at += quoted; *at < end; (*at)++) {
        if (!closed && **at == '"') {
            closed = *at + 1 == end || (*at)[1] != '"';
            if (closed)
                continue;
            (*at)++;
        } else if (closed && **at == ',') {
            break;
        }
        buf_printf(&cell, "%c", **at);
    }
    char *copy = closed ? mem_strdup(buf_text(&cell)) : NULL;
    buf_close(&cell);
    return copy;
}

static bool csv_number(const char *text, int64_t max, int64_t *value)
{
    char *end;
    errno = 0;
    *value = strtoll(text, &end, 10);
    return end != text && *end == '\0' && !errno && *value >= 0 && *value <= max;
}

/* The cells of a line; -1 when it is no CSV or has too many. */
static int csv_cells(const char *line, size_t len, char *cells[RESET_CELLS_MAX])
{
    const char *at = line, *end = line + len;
    for (int count = 0; count < RESET_CELLS_MAX; at++) {
        cells[count] = csv_cell(&at, end);
        if (!cells[count])
            return -1;
        count++;
        if (at == end)
            return count;
    }
    return -1;
}

bool reset_spec_row(const char *line, size_t len, struct reset_spec_row *row)
{
    char *cells[RESET_CELLS_MAX] = {NULL};
    int64_t partition = 0, offset = 0;
    int count = csv_cells(line, len, cells);
    int first = count - 3; /* of topic, partition, offset */
    bool right = count >= 3 && cells[first][0] != '\0' &&
                 csv_number(cells[first + 1], INT32_MAX, &partition) &&
                 csv_number(cells[first + 2], INT64_MAX, &offset);
    *row = (struct reset_spec_row){.partition = (int32_t)partition, .offset = offset};
    for (int i = 0; i < RESET_CELLS_MAX; i++) {
        if (right && i == first)
            row->topic = cells[i];
        else if (right && i < first)
            row->group = cells[i];
        else
            mem_free(cells[i]);
    }
    return right;
}

void reset_spec_row_free(struct reset_spec_row *row)
{
    mem_free(row->group);
    mem_free(row->topic);
}

char *reset_spec_cell(const char *text)
{
    struct buf cell;
    if (!strpbrk(text, ",\"\r\n"))
        return mem_strdup(text);
    buf_init(&cell);
    buf_printf(&cell, "\"");
    for (; *text; text++)
        buf_printf(&cell, *text == '"' ? "\"\"" : "%c", *text);
    buf_printf(&cell, "\"");
    char *copy = mem_strdup(buf_text(&cell));
    buf_close(&cell);
    return copy;
}
