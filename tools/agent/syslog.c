/* Happy path: <priority>, perhaps a version, a time, a host, each with a blank behind it, and the
 * message. The time is that of RFC 5424 (2026-12-01T12:00:00.5+01:00), "-", or that of RFC 3164
 * (Dec 1 12:00:00), which has neither year nor zone. Failure modes, with the line as the body: no
 * priority is told in the header flume.syslog.status; what follows another form than that is left
 * in the body. */
#include "tools/agent/syslog.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/err.h"
#include "base/mem.h"

enum { SYSLOG_HEADERS_MAX = 7, SYSLOG_PRIORITY_DIGITS = 3, SYSLOG_MONTH_S = 31 * 86400 };

struct syslog_slice {
    const char *at; /* NULL = it is not there */
    size_t len;
};

struct syslog_line {
    struct syslog_slice priority, version, timestamp, host, message;
    int64_t time_ms;
    bool timed;
};

struct syslog_cursor {
    const char *at, *end;
};

bool syslog_keep(struct syslog_rules *rules, const char *fields)
{
    char *copy = mem_strdup(fields), *save = NULL;
    bool known = true;
    for (char *word = strtok_r(copy, ", ", &save); word && known;
         word = strtok_r(NULL, ", ", &save)) {
        if (strcasecmp(word, "all") == 0 || strcasecmp(word, "true") == 0)
            rules->keep_all = true;
        else if (strcasecmp(word, "priority") == 0)
            rules->keep_priority = true;
        else if (strcasecmp(word, "version") == 0)
            rules->keep_version = true;
        else if (strcasecmp(word, "timestamp") == 0)
            rules->keep_timestamp = true;
        else if (strcasecmp(word, "hostname") == 0)
            rules->keep_hostname = true;
        else
            known = strcasecmp(word, "none") == 0 || strcasecmp(word, "false") == 0;
    }
    mem_free(copy);
    return known;
}

void syslog_check(const struct part *part, struct buf *problems)
{
    struct syslog_rules rules = {0};
    if (!syslog_keep(&rules, part_text(part, "keepFields")))
        part_complain(part, "keepFields", problems,
                      "\"%s\" is none of none, all, and some of priority, version, timestamp, "
                      "hostname",
                      part_text(part, "keepFields"));
}

/* ---- parts of a line ---- */

static struct syslog_slice syslog_slice(const char *from, const char *to)
{
    ASSERT(from <= to);
    return (struct syslog_slice){.at = from, .len = (size_t)(to - from)};
}

static bool syslog_take(struct syslog_cursor *cursor, char c)
{
    if (cursor->at == cursor->end || *cursor->at != c)
        return false;
    cursor->at++;
    return true;
}

/* So many digits as a number; -1 when they are not there. */
static int syslog_digits(struct syslog_cursor *cursor, int count)
{
    int value = 0;
    if (cursor->end - cursor->at < count)
        return -1;
    for (int i = 0; i < count; i++) {
        if (!isdigit((unsigned char)cursor->at[i]))
            return -1;
        value = value * 10 + (cursor->at[i] - '0');
    }
    cursor->at += count;
    return value;
}

/* <13> */
static bool syslog_priority(struct syslog_cursor *cursor, struct syslog_slice *priority)
{
    if (!syslog_take(cursor, '<'))
        return false;
    const char *from = cursor->at;
    while (cursor->at < cursor->end && isdigit((unsigned char)*cursor->at) &&
           cursor->at - from < SYSLOG_PRIORITY_DIGITS)
        cursor->at++;
    *priority = syslog_slice(from, cursor->at);
    return priority->len > 0 && syslog_take(cursor, '>');
}

static bool syslog_clock(struct syslog_cursor *cursor, struct tm *time)
{
    time->tm_hour = syslog_digits(cursor, 2);
    bool good = time->tm_hour >= 0 && time->tm_hour < 24 && syslog_take(cursor, ':');
    time->tm_min = good ? syslog_digits(cursor, 2) : -1;
    good = time->tm_min >= 0 && time->tm_min < 60 && syslog_take(cursor, ':');
    time->tm_sec = good ? syslog_digits(cursor, 2) : -1;
    return time->tm_sec >= 0 && time->tm_sec <= 60;
}

/* .5 is 500 milliseconds. */
static bool syslog_fraction(struct syslog_cursor *cursor, int64_t *ms)
{
    int scale = 100, digits = 0;
    *ms = 0;
    if (!syslog_take(cursor, '.'))
        return true;
    for (; cursor->at < cursor->end && isdigit((unsigned char)*cursor->at); digits++) {
        *ms += (*cursor->at++ - '0') * scale;
        scale /= 10;
    }
    return digits > 0;
}

/* Z, +01:00, or nothing: then the time is of this machine's zone, or of UTC. */
static bool syslog_zone(struct syslog_cursor *cursor, bool *zoned, int64_t *offset_s)
{
    bool minus = cursor->at < cursor->end && *cursor->at == '-';
    *offset_s = 0;
    *zoned = syslog_take(cursor, 'Z');
    if (*zoned || (!minus && !(cursor->at < cursor->end && *cursor->at == '+')))
        return true;
    cursor->at++;
    int hours = syslog_digits(cursor, 2);
    (void)syslog_take(cursor, ':');
    int minutes = syslog_digits(cursor, 2);
    *zoned = true;
    *offset_s = (minus ? -1 : 1) * (hours * 3600 + minutes * 60);
    return hours >= 0 && minutes >= 0;
}

static int64_t syslog_epoch_s(struct tm *time, bool utc)
{
    time->tm_isdst = -1;
    return utc ? timegm(time) : mktime(time);
}

static bool syslog_time_5424(struct syslog_cursor *cursor, bool utc, int64_t *time_ms)
{
    struct tm time = {0};
    int64_t fraction_ms, offset_s;
    bool zoned;
    int year = syslog_digits(cursor, 4);
    bool good = year >= 0 && syslog_take(cursor, '-');
    int month = good ? syslog_digits(cursor, 2) : -1;
    good = month >= 1 && month <= 12 && syslog_take(cursor, '-');
    time.tm_mday = good ? syslog_digits(cursor, 2) : -1;
    if (time.tm_mday < 1 || time.tm_mday > 31 || !syslog_take(cursor, 'T') ||
        !syslog_clock(cursor, &time) || !syslog_fraction(cursor, &fraction_ms) ||
        !syslog_zone(cursor, &zoned, &offset_s))
        return false;
    time.tm_year = year - 1900;
    time.tm_mon = month - 1;
    *time_ms = (syslog_epoch_s(&time, utc || zoned) - offset_s) * 1000 + fraction_ms;
    return true;
}

/* Of the years, the one in which it is at most a month ahead, and less than eleven behind. */
static int64_t syslog_near(const struct tm *time, bool utc, int64_t now_ms)
{
    time_t now_s = (time_t)(now_ms / 1000);
    struct tm now, moved = *time;
    if (utc)
        gmtime_r(&now_s, &now);
    else
        localtime_r(&now_s, &now);
    moved.tm_year = now.tm_year;
    int64_t found_s = syslog_epoch_s(&moved, utc);
    int shift = found_s > now_s + SYSLOG_MONTH_S ? -1 : found_s < now_s - 11 * SYSLOG_MONTH_S;
    if (shift != 0) {
        moved = *time;
        moved.tm_year = now.tm_year + shift;
        found_s = syslog_epoch_s(&moved, utc);
    }
    return found_s * 1000;
}

static bool syslog_time_3164(struct syslog_cursor *cursor, bool utc, int64_t now_ms,
                             int64_t *time_ms)
{
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    struct tm time = {.tm_mon = -1};
    if (cursor->end - cursor->at < 3)
        return false;
    for (int i = 0; i < 12; i++)
        if (memcmp(months + (size_t)i * 3, cursor->at, 3) == 0)
            time.tm_mon = i;
    cursor->at += 3;
    if (time.tm_mon < 0 || !syslog_take(cursor, ' '))
        return false;
    bool padded = syslog_take(cursor, ' ');
    int tens = syslog_digits(cursor, 1);
    int ones = padded ? -1 : syslog_digits(cursor, 1);
    time.tm_mday = ones < 0 ? tens : tens * 10 + ones;
    if (time.tm_mday < 1 || time.tm_mday > 31 || !syslog_take(cursor, ' ') ||
        !syslog_clock(cursor, &time))
        return false;
    *time_ms = syslog_near(&time, utc, now_ms);
    return true;
}

/* What stands behind the priority; false = it has another form. */
static bool syslog_rest(const struct syslog_rules *rules, struct syslog_cursor cursor,
                        int64_t now_ms, struct syslog_line *line)
{
    const char *from = cursor.at;
    if (cursor.end - from >= 2 && isdigit((unsigned char)from[0]) && from[1] == ' ') {
        line->version = syslog_slice(from, from + 1);
        cursor.at += 2;
    }
    from = cursor.at;
    if (syslog_take(&cursor, '-')) {
        line->timed = rules->multiport; /* which takes the time at which it came */
        line->time_ms = now_ms;
    } else {
        bool digit = from < cursor.end && isdigit((unsigned char)*from);
        line->timed = digit ? syslog_time_5424(&cursor, rules->multiport, &line->time_ms)
                            : syslog_time_3164(&cursor, rules->multiport, now_ms, &line->time_ms);
        if (!line->timed)
            return false;
    }
    line->timestamp = syslog_slice(from, cursor.at);
    if (!syslog_take(&cursor, ' '))
        return false;
    from = cursor.at;
    while (cursor.at < cursor.end && *cursor.at != ' ')
        cursor.at++;
    line->host = syslog_slice(from, cursor.at);
    if (line->host.len == 0 || !syslog_take(&cursor, ' '))
        return false;
    line->message = syslog_slice(cursor.at, cursor.end);
    return true;
}

/* ---- the event ---- */

static void syslog_header(struct header *rows, size_t *count, const char *name,
                          struct syslog_slice value)
{
    ASSERT(*count < SYSLOG_HEADERS_MAX);
    if (value.len > 0)
        rows[(*count)++] = (struct header){.name = name,
                                           .value = value.at,
                                           .name_len = (uint32_t)strlen(name),
                                           .value_len = (uint32_t)value.len};
}

static void syslog_text(struct header *rows, size_t *count, const char *name, const char *value)
{
    syslog_header(rows, count, name, syslog_slice(value, value + strlen(value)));
}

static void syslog_body(const struct syslog_rules *rules, const struct syslog_line *line,
                        struct event *event)
{
    if (rules->keep_all)
        return;
    if (!rules->keep_priority && !rules->keep_version && !rules->keep_timestamp &&
        !rules->keep_hostname) {
        event->body = (const uint8_t *)line->message.at;
        event->len = (uint32_t)line->message.len;
        return;
    }
    struct buf body;
    buf_init(&body);
    if (rules->keep_priority)
        buf_printf(&body, "<%.*s>", (int)line->priority.len, line->priority.at);
    if (rules->keep_version && line->version.len > 0)
        buf_printf(&body, "%.*s ", (int)line->version.len, line->version.at);
    if (rules->keep_timestamp)
        buf_printf(&body, "%.*s ", (int)line->timestamp.len, line->timestamp.at);
    if (rules->keep_hostname)
        buf_printf(&body, "%.*s ", (int)line->host.len, line->host.at);
    buf_put(&body, line->message.at, line->message.len);
    struct block *block = block_new(body.len);
    if (block) { /* else the whole line has to do */
        memcpy(block->data, body.data, body.len);
        block_unref(event->block);
        event->block = block;
        event->body = block->data;
        event->len = (uint32_t)body.len;
    }
    buf_close(&body);
}

void syslog_read(const struct syslog_rules *rules, int64_t now_ms, bool cut, struct event *event)
{
    struct syslog_line line = {0};
    struct header rows[SYSLOG_HEADERS_MAX];
    size_t count = 0;
    char facility[24] = "0", severity[24] = "0", time[24];
    const char *text = (const char *)event->body;
    struct syslog_cursor cursor = {.at = text, .end = text + event->len};
    bool valid = syslog_priority(&cursor, &line.priority);
    bool read = valid && syslog_rest(rules, cursor, now_ms, &line);
    if (rules->multiport && !read)
        valid = false;
    if (valid) {
        long priority = strtol(line.priority.at, NULL, 10);
        snprintf(facility, sizeof(facility), "%ld", priority / 8);
        snprintf(severity, sizeof(severity), "%ld", priority % 8);
    }
    if (valid || !rules->multiport) {
        syslog_text(rows, &count, "Facility", facility);
        syslog_text(rows, &count, "Severity", severity);
    }
    if (read) {
        syslog_header(rows, &count, rules->multiport ? "Priority" : "priority", line.priority);
        syslog_header(rows, &count, rules->multiport ? "Version" : "version", line.version);
        snprintf(time, sizeof(time), "%lld", (long long)line.time_ms);
        if (line.timed)
            syslog_text(rows, &count, "timestamp", time);
        if (rules->multiport || line.host.len != 1 || line.host.at[0] != '-')
            syslog_header(rows, &count, "host", line.host);
    }
    if (!valid || cut)
        syslog_text(rows, &count, "flume.syslog.status", valid ? "Incomplete" : "Invalid");
    event_take_headers(event, headers_from(rows, count));
    if (read)
        syslog_body(rules, &line, event);
    ASSERT(event->headers);
}
