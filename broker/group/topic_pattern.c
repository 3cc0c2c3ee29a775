/* Patterns: first the text is looked at for what only PCRE2 knows, then PCRE2 compiles it, anchored
 * at both ends. Failure modes: anything that RE2 would refuse, or that is too large or too slow. */
#include "broker/group/topic_pattern.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "base/err.h"
#include "base/mem.h"

enum {
    PATTERN_NESTED_MAX = 32,
    PATTERN_REPEAT_MAX = 1000, /* RE2's limit too */
    PATTERN_HEAP_KIB = 1024    /* for the backtracking of one name */
};

struct topic_pattern {
    pcre2_code *code;
    pcre2_match_data *match;
    pcre2_match_context *limits;
};

/* ---- the text ---- */

struct scan {
    const char *at;
    const char *end;
};

static bool scan_is(const struct scan *scan, char c)
{
    return scan->at < scan->end && *scan->at == c;
}

/* Behind a backslash. Letters are those that mean the same to both; a digit but 0 is a back
 * reference. \Q runs to \E or the end. */
static bool scan_escape(struct scan *scan)
{
    if (scan->at == scan->end)
        return false;
    char c = *scan->at++;
    if (c == 'Q') {
        while (scan->end - scan->at >= 2 && memcmp(scan->at, "\\E", 2) != 0)
            scan->at++;
        scan->at = scan->end - scan->at >= 2 ? scan->at + 2 : scan->end;
        return true;
    }
    return !isalnum((unsigned char)c) || strchr("dDwWsSbBAzafntrvpPx0", c) != NULL;
}

static bool scan_class(struct scan *scan)
{
    if (scan_is(scan, '^'))
        scan->at++;
    if (scan_is(scan, ']'))
        scan->at++; /* the first one is a character like others */
    while (scan->at < scan->end) {
        char c = *scan->at++;
        if (c == ']')
            return true;
        if (c == '\\' && !scan_escape(scan))
            return false;
        if (c == '[' && scan_is(scan, ':')) {
            const char *close = memmem(scan->at, (size_t)(scan->end - scan->at), ":]", 2);
            if (!close)
                return false;
            scan->at = close + 2;
        }
    }
    return false;
}

/* Behind an opening parenthesis: plain, (?:...), (?flags), (?flags:...), (?P<name>...). */
static bool scan_group(struct scan *scan)
{
    if (scan_is(scan, '*'))
        return false; /* a verb of the engine */
    if (!scan_is(scan, '?'))
        return true;
    scan->at++;
    if (scan_is(scan, 'P'))
        scan->at++;
    else
        while (scan->at < scan->end && strchr("imsU-", *scan->at))
            scan->at++;
    if (scan_is(scan, ':') || scan_is(scan, ')'))
        return true;
    if (!scan_is(scan, '<'))
        return false;
    scan->at++;
    return scan->at < scan->end && (isalpha((unsigned char)*scan->at) || *scan->at == '_');
}

/* Behind an opening brace: whether the counts, if they are counts, are small enough. */
static bool scan_counts(const struct scan *scan)
{
    int64_t count = 0;
    for (const char *at = scan->at; at < scan->end; at++) {
        if (isdigit((unsigned char)*at))
            count = count > PATTERN_REPEAT_MAX ? count : count * 10 + (*at - '0');
        else if (*at == ',')
            count = 0;
        else
            return true;
        if (count > PATTERN_REPEAT_MAX)
            return false;
    }
    return true;
}

int topic_pattern_check(struct wire_str text)
{
    struct scan scan = {text.data, text.data + text.len};
    char before = '\0'; /* the repetition just passed */
    bool good = true;
    if (text.len <= 0 || text.len > TOPIC_PATTERN_LEN_MAX ||
        memchr(text.data, '\0', (size_t)text.len))
        return ERR_INVALID_REGULAR_EXPRESSION;
    while (good && scan.at < scan.end) {
        char c = *scan.at++;
        char repeats = c == '*' || c == '+' || c == '?' || c == '}' ? c : '\0';
        if (c == '\\')
            good = scan_escape(&scan);
        else if (c == '[')
            good = scan_class(&scan);
        else if (c == '(')
            good = scan_group(&scan);
        else if (c == '{')
            good = scan_counts(&scan);
        else if (c == '+' && before)
            good = false; /* possessive */
        before = before && c == '?' ? '\0' : repeats;
    }
    return good ? 0 : ERR_INVALID_REGULAR_EXPRESSION;
}

/* ---- the engine ---- */

static pcre2_code *pattern_compile(struct wire_str text)
{
    int code;
    PCRE2_SIZE offset;
    pcre2_compile_context *context = pcre2_compile_context_create(NULL);
    if (!context)
        return NULL;
    pcre2_set_parens_nest_limit(context, PATTERN_NESTED_MAX);
    pcre2_set_max_pattern_length(context, TOPIC_PATTERN_LEN_MAX);
    pcre2_code *compiled =
        pcre2_compile((PCRE2_SPTR)text.data, (PCRE2_SIZE)text.len,
                      PCRE2_ANCHORED | PCRE2_ENDANCHORED | PCRE2_DOLLAR_ENDONLY |
                          PCRE2_NO_AUTO_CAPTURE | PCRE2_NEVER_BACKSLASH_C | PCRE2_NEVER_UTF,
                      &code, &offset, context);
    pcre2_compile_context_free(context);
    return compiled;
}

static uint32_t pattern_steps(const pcre2_code *code)
{
    size_t size = 0;
    int err = pcre2_pattern_info(code, PCRE2_INFO_SIZE, &size);
    ASSERT(err == 0);
    ASSERT(size > 0);
    size_t steps = TOPIC_PATTERN_WORK / size;
    return steps < TOPIC_PATTERN_STEPS ? (uint32_t)steps : TOPIC_PATTERN_STEPS;
}

int topic_pattern_new(struct wire_str text, struct topic_pattern **out)
{
    int err = topic_pattern_check(text);
    pcre2_code *code = err ? NULL : pattern_compile(text);
    if (!code)
        return ERR_INVALID_REGULAR_EXPRESSION;
    struct topic_pattern *pattern = mem_alloc(sizeof(*pattern));
    pattern->code = code;
    pattern->match = pcre2_match_data_create(1, NULL);
    pattern->limits = pcre2_match_context_create(NULL);
    if (!pattern->match || !pattern->limits) {
        topic_pattern_free(pattern);
        return ERR_NO_MEMORY;
    }
    uint32_t steps = pattern_steps(code);
    pcre2_set_match_limit(pattern->limits, steps);
    pcre2_set_depth_limit(pattern->limits, steps);
    pcre2_set_heap_limit(pattern->limits, PATTERN_HEAP_KIB);
    *out = pattern;
    return 0;
}

void topic_pattern_free(struct topic_pattern *pattern)
{
    pcre2_match_context_free(pattern->limits);
    pcre2_match_data_free(pattern->match);
    pcre2_code_free(pattern->code);
    mem_free(pattern);
}

int topic_pattern_matches(struct topic_pattern *pattern, const char *name)
{
    int rc = pcre2_match(pattern->code, (PCRE2_SPTR)name, strlen(name), 0, 0, pattern->match,
                         pattern->limits);
    if (rc >= 0)
        return 1;
    return rc == PCRE2_ERROR_NOMATCH ? 0 : ERR_INVALID_REGULAR_EXPRESSION;
}
