/* The regex_extractor interceptor: the groups of an expression become headers.
 *
 * Happy path: the i-th serializer names the header of the i-th group, and says how its text is
 * written into it: as it is, or as milliseconds since 1970 of a time in a pattern. Failure modes: a
 * body without a match gets no headers; a text that is no such time gives no header, and a line of
 * the log now and then would tell nobody what to do, so there is none. */
#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"
#include "tools/agent/expression.h"
#include "tools/agent/interceptor.h"
#include "tools/agent/types.h"

enum { EXTRACTOR_NAME_MAX = 128, EXTRACTOR_SERIALIZERS_MAX = 64 };

struct extractor_row {
    const char *header;
    const char *pattern; /* of a time; NULL = the text as it is */
};

struct regex_extractor {
    struct interceptor interceptor;
    struct expression *expression;
    struct extractor_row rows[EXTRACTOR_SERIALIZERS_MAX];
    size_t count;
};

/* clang-format off */
static const struct key_row regex_extractor_keys[] = {
    KEY("regex", KEY_REQUIRED, "The expression that is looked for in bodies; its groups count."),
    KEY_NAMES("serializers", KEY_REQUIRED, "The names of the serializers, one for each group."),
    KEY_ONE_OF("serializers.*.type", "default",
               "default|org.apache.flume.interceptor."
               "RegexExtractorInterceptorPassThroughSerializer|org.apache.flume.interceptor."
               "RegexExtractorInterceptorMillisSerializer",
               "How the text of a group is written: as it is, or a time as milliseconds."),
    KEY("serializers.*.name", NULL, "The header of that group; it must be given."),
    KEY("serializers.*.pattern", NULL,
        "The time's pattern for milliseconds: letters y M d H m s S Z, as Java has them; the time "
        "zone is this machine's."),
    KEY_END,
};
/* clang-format on */

static struct regex_extractor *regex_extractor_of(struct interceptor *interceptor)
{
    return CONTAINER_OF(interceptor, struct regex_extractor, interceptor);
}

/* ---- times ---- */

static bool regex_extractor_digits(const char **text, size_t most, int *number)
{
    size_t count = 0;
    *number = 0;
    while (count < most && isdigit((unsigned char)**text)) {
        *number = *number * 10 + (*(*text)++ - '0');
        count++;
    }
    return count > 0;
}

static bool regex_extractor_month(const char **text, int *month)
{
    static const char names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    for (int i = 0; i < 12; i++)
        if (strncasecmp(*text, names + i * 3, 3) == 0) {
            *text += 3;
            *month = i;
            return true;
        }
    return false;
}

/* "+0100", "+01:00", "Z"; seconds east. */
static bool regex_extractor_zone(const char **text, int *east)
{
    int sign = **text == '-' ? -1 : 1, hours, minutes;
    if (**text == 'Z') {
        (*text)++;
        *east = 0;
        return true;
    }
    if (**text != '+' && **text != '-')
        return false;
    (*text)++;
    if (!regex_extractor_digits(text, 2, &hours))
        return false;
    *text += **text == ':';
    if (!regex_extractor_digits(text, 2, &minutes))
        return false;
    *east = sign * (hours * 3600 + minutes * 60);
    return true;
}

struct extractor_time {
    struct tm tm;
    int millis, east;
    bool has_zone;
};

/* One run of a letter of the pattern. */
static bool regex_extractor_field(char letter, size_t run, const char **text,
                                  struct extractor_time *at)
{
    int number;
    size_t most = run > 2 ? run : 2;
    switch (letter) {
    case 'Z':
    case 'X':
        at->has_zone = true;
        return regex_extractor_zone(text, &at->east);
    case 'M':
        if (run > 2)
            return regex_extractor_month(text, &at->tm.tm_mon);
        if (!regex_extractor_digits(text, most, &number))
            return false;
        at->tm.tm_mon = number - 1;
        return true;
    case 'y':
        if (!regex_extractor_digits(text, run == 2 ? 2 : 4, &number))
            return false;
        at->tm.tm_year = number < 100 ? number + 100 : number - 1900;
        return true;
    case 'd':
        return regex_extractor_digits(text, most, &at->tm.tm_mday);
    case 'H':
        return regex_extractor_digits(text, most, &at->tm.tm_hour);
    case 'm':
        return regex_extractor_digits(text, most, &at->tm.tm_min);
    case 's':
        return regex_extractor_digits(text, most, &at->tm.tm_sec);
    default:
        return regex_extractor_digits(text, most, &at->millis);
    }
}

static bool regex_extractor_is_letter(char c)
{
    return c && strchr("yMdHmsSZX", c);
}

/* The time of the text in the pattern, in milliseconds since 1970; false when it is none. */
static bool regex_extractor_millis(const char *pattern, const char *text, int64_t *millis)
{
    struct extractor_time at = {.tm = {.tm_mday = 1, .tm_year = 70, .tm_isdst = -1}};
    while (*pattern) {
        if (*pattern == '\'') { /* quoted letters are themselves */
            pattern++;
            continue;
        }
        if (!regex_extractor_is_letter(*pattern)) {
            if (*pattern++ != *text++)
                return false;
            continue;
        }
        size_t run = strspn(pattern, (char[]){*pattern, '\0'});
        if (!regex_extractor_field(*pattern, run, &text, &at))
            return false;
        pattern += run;
    }
    if (*text)
        return false;
    time_t seconds = at.has_zone ? timegm(&at.tm) - at.east : mktime(&at.tm);
    *millis = (int64_t)seconds * 1000 + at.millis;
    return true;
}

/* ---- the interceptor ---- */

static bool regex_extractor_is_time(const struct part *part, const char *name)
{
    const char *type = part_textf(part, "serializers.%s.type", name);
    return type && strcasestr(type, "Millis") != NULL;
}

static void regex_extractor_check(const struct part *part, struct buf *problems)
{
    char name[EXTRACTOR_NAME_MAX], key[EXTRACTOR_NAME_MAX + 32];
    expression_free(expression_new(part, "regex", part_text(part, "regex"), false, problems));
    for (size_t i = 0; part_list(part, "serializers", i, name, sizeof(name)); i++) {
        snprintf(key, sizeof(key), "serializers.%s.name", name);
        if (i == EXTRACTOR_SERIALIZERS_MAX)
            part_complain(part, "serializers", problems, "more than %d have no room here",
                          EXTRACTOR_SERIALIZERS_MAX);
        if (!part_textf(part, "%s", key))
            part_complain(part, key, problems, "it is missing: the header of group %zu", i + 1);
        const char *pattern = part_textf(part, "serializers.%s.pattern", name);
        snprintf(key, sizeof(key), "serializers.%s.pattern", name);
        if (regex_extractor_is_time(part, name) && !pattern)
            part_complain(part, key, problems, "it is missing: how the time is written");
        bool quoted = false;
        for (const char *c = pattern; c && *c; c++) {
            quoted = quoted != (*c == '\'');
            if (!quoted && isalpha((unsigned char)*c) && !regex_extractor_is_letter(*c)) {
                part_complain(part, key, problems,
                              "the letter %c is not known: y M d H m s S Z are; quote others", *c);
                break;
            }
        }
    }
}

static int regex_extractor_open(struct interceptor *interceptor, struct buf *problem)
{
    struct regex_extractor *extractor = regex_extractor_of(interceptor);
    const struct part *part = interceptor->part;
    char name[EXTRACTOR_NAME_MAX];
    extractor->expression = expression_new(part, "regex", part_text(part, "regex"), false, problem);
    ASSERT(extractor->expression); /* it was checked */
    while (part_list(part, "serializers", extractor->count, name, sizeof(name))) {
        struct extractor_row *row = &extractor->rows[extractor->count++];
        row->header = part_textf(part, "serializers.%s.name", name);
        if (regex_extractor_is_time(part, name))
            row->pattern = part_textf(part, "serializers.%s.pattern", name);
    }
    return 0;
}

static void regex_extractor_close(struct interceptor *interceptor)
{
    expression_free(regex_extractor_of(interceptor)->expression);
}

static void regex_extractor_set(struct event *event, const struct extractor_row *row,
                                const uint8_t *text, size_t len)
{
    if (!row->pattern) {
        event_take_headers(event,
                           headers_set(event->headers, row->header, (const char *)text, len));
        return;
    }
    char *copy = mem_strndup((const char *)text, len), number[32];
    int64_t millis;
    if (regex_extractor_millis(row->pattern, copy, &millis)) {
        int digits = snprintf(number, sizeof(number), "%" PRId64, millis);
        event_take_headers(event, headers_set(event->headers, row->header, number, (size_t)digits));
    }
    mem_free(copy);
}

static size_t regex_extractor_apply(struct interceptor *interceptor, struct event *events,
                                    size_t count)
{
    struct regex_extractor *extractor = regex_extractor_of(interceptor);
    for (size_t i = 0; i < count; i++) {
        const size_t *ends;
        size_t groups =
            expression_groups(extractor->expression, events[i].body, events[i].len, 0, &ends);
        for (size_t g = 1; g < groups && g <= extractor->count; g++)
            if (ends[2 * g] != SIZE_MAX)
                regex_extractor_set(&events[i], &extractor->rows[g - 1],
                                    events[i].body + ends[2 * g], ends[2 * g + 1] - ends[2 * g]);
    }
    return count;
}

const struct interceptor_type regex_extractor_interceptor_type = {
    .part = {.kind = PART_INTERCEPTOR,
             .name = "regex_extractor",
             .class_name = "org.apache.flume.interceptor.RegexExtractorInterceptor",
             .doc = "Groups of an expression in the body become headers.",
             .keys = regex_extractor_keys,
             .check = regex_extractor_check},
    .size = sizeof(struct regex_extractor),
    .open = regex_extractor_open,
    .close = regex_extractor_close,
    .apply = regex_extractor_apply,
};
