/* Patterns: translated from RE2's syntax to an extended expression of the C library, anchored at
 * both ends. Failure modes: anything that can't be translated, or would make a machine of absurd
 * size. */
#include "broker/group/topic_pattern.h"

#include <ctype.h>
#include <regex.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"

enum {
    PATTERN_LEN_MAX = 1024, /* topic names have at most 249 characters */
    PATTERN_DEPTH_MAX = 32,
    PATTERN_REPEAT_MAX = 1000 /* RE2's limit too, nested counts multiplied */
};

struct topic_pattern {
    regex_t regex;
};

struct translate {
    const char *at;
    const char *end;
    struct buf out;
    bool icase;
    bool quoting;                       /* inside of \Q...\E */
    int64_t repeats[PATTERN_DEPTH_MAX]; /* largest count in each open group */
    int64_t last_repeats;               /* of the group or atom just ended */
    int depth;
};

static int translate_class(struct translate *t, char c, bool in_brackets)
{
    static const struct {
        char letter;
        const char *inside;
    } classes[] = {{'d', "0-9"}, {'w', "0-9A-Za-z_"}, {'s', " \t\n\r\f\v"}};
    for (size_t i = 0; i < ARRAY_LEN(classes); i++) {
        if (tolower((unsigned char)c) != classes[i].letter)
            continue;
        bool negated = isupper((unsigned char)c);
        if (in_brackets && negated)
            return ERR_INVALID_REGULAR_EXPRESSION;
        buf_printf(&t->out, in_brackets ? "%s%s%s" : "[%s%s%s", negated ? "^" : "",
                   classes[i].inside, in_brackets ? "" : "]");
        return 0;
    }
    return ERR_NOT_FOUND;
}

static void translate_literal(struct translate *t, char c)
{
    buf_printf(&t->out, strchr(".[]\\()*+?{}|^$", c) ? "\\%c" : "%c", c);
}

static int translate_escape(struct translate *t)
{
    char c = *t->at++;
    if (c == 'Q') {
        t->quoting = true;
        return 0;
    }
    int err = translate_class(t, c, false);
    if (err != ERR_NOT_FOUND)
        return err;
    if (c == 't')
        translate_literal(t, '\t');
    else if (isalnum((unsigned char)c))
        return ERR_INVALID_REGULAR_EXPRESSION; /* a back reference, or an assertion */
    else
        translate_literal(t, c);
    return 0;
}

/* A bracket expression. In POSIX a backslash is nothing special there, so escapes are written out.
 */
static int translate_brackets(struct translate *t)
{
    bool caret = false;
    buf_printf(&t->out, "[");
    if (t->at < t->end && *t->at == '^') {
        buf_printf(&t->out, "^");
        t->at++;
    }
    for (bool first = true; t->at < t->end; first = false) {
        char c = *t->at++;
        if (c == ']' && !first) {
            buf_printf(&t->out, caret ? "^]" : "]");
            return 0;
        }
        if (c == '[')
            return ERR_INVALID_REGULAR_EXPRESSION; /* nested sets and [:names:] */
        if (c == '\\') {
            if (t->at == t->end)
                return ERR_INVALID_REGULAR_EXPRESSION;
            c = *t->at++;
            int err = translate_class(t, c, true);
            if (!err)
                continue;
            if (err != ERR_NOT_FOUND || isalnum((unsigned char)c) || c == ']' || c == '[')
                return ERR_INVALID_REGULAR_EXPRESSION;
            if (c == '-')
                return ERR_INVALID_REGULAR_EXPRESSION; /* would become a range */
        }
        if (c == '^')
            caret = true; /* at the end it has no meaning of its own */
        else
            buf_printf(&t->out, "%c", c);
    }
    return ERR_INVALID_REGULAR_EXPRESSION;
}

static int translate_open(struct translate *t)
{
    if (t->at < t->end && *t->at == '?') {
        if (t->end - t->at < 2 || t->at[1] != ':')
            return ERR_INVALID_REGULAR_EXPRESSION;
        t->at += 2;
    }
    if (t->depth + 1 >= PATTERN_DEPTH_MAX)
        return ERR_INVALID_REGULAR_EXPRESSION;
    t->repeats[++t->depth] = 1;
    buf_printf(&t->out, "(");
    return 0;
}

static int translate_close(struct translate *t)
{
    if (t->depth == 0)
        return ERR_INVALID_REGULAR_EXPRESSION;
    t->last_repeats = t->repeats[t->depth--];
    if (t->last_repeats > t->repeats[t->depth])
        t->repeats[t->depth] = t->last_repeats;
    buf_printf(&t->out, ")");
    return 0;
}

/* {n}, {n,}, {n,m}: behind the opening brace. */
static int translate_count(struct translate *t)
{
    int64_t counts[2] = {0, 0};
    int which = 0;
    buf_printf(&t->out, "{");
    for (; t->at < t->end; t->at++) {
        char c = *t->at;
        buf_printf(&t->out, "%c", c);
        if (c == '}') {
            t->at++;
            int64_t most = counts[0] > counts[1] ? counts[0] : counts[1];
            t->last_repeats *= most > 1 ? most : 1;
            if (t->last_repeats > t->repeats[t->depth])
                t->repeats[t->depth] = t->last_repeats;
            return t->last_repeats > PATTERN_REPEAT_MAX ? ERR_INVALID_REGULAR_EXPRESSION : 0;
        }
        if (c == ',' && which == 0)
            which = 1;
        else if (isdigit((unsigned char)c) && counts[which] <= PATTERN_REPEAT_MAX)
            counts[which] = counts[which] * 10 + (c - '0');
        else
            break;
    }
    return ERR_INVALID_REGULAR_EXPRESSION;
}

static int translate_repeat(struct translate *t, char c)
{
    int err = 0;
    if (c == '{')
        err = translate_count(t);
    else
        buf_printf(&t->out, "%c", c);
    if (!err && t->at < t->end && *t->at == '?')
        t->at++; /* lazy: the same for a match of the whole */
    else if (!err && t->at < t->end && *t->at == '+')
        return ERR_INVALID_REGULAR_EXPRESSION; /* possessive */
    return err;
}

static int translate_one(struct translate *t)
{
    char c = *t->at++;
    if (t->quoting) {
        if (c == '\\' && t->at < t->end && *t->at == 'E') {
            t->at++;
            t->quoting = false;
        } else {
            translate_literal(t, c);
        }
        return 0;
    }
    if (!strchr("*+?{", c) && c != ')')
        t->last_repeats = 1;
    switch (c) {
    case '\\':
        return t->at < t->end ? translate_escape(t) : ERR_INVALID_REGULAR_EXPRESSION;
    case '[':
        return translate_brackets(t);
    case '(':
        return translate_open(t);
    case ')':
        return translate_close(t);
    case '*':
    case '+':
    case '?':
    case '{':
        return translate_repeat(t, c);
    default:
        buf_printf(&t->out, "%c", c);
        return 0;
    }
}

static int translate(struct translate *t)
{
    if (t->end - t->at >= 4 && memcmp(t->at, "(?i)", 4) == 0) {
        t->icase = true;
        t->at += 4;
    }
    buf_printf(&t->out, "^(");
    while (t->at < t->end) {
        int err = translate_one(t);
        if (err)
            return err;
    }
    buf_printf(&t->out, ")$");
    return t->depth == 0 ? 0 : ERR_INVALID_REGULAR_EXPRESSION;
}

int topic_pattern_new(struct wire_str text, struct topic_pattern **out)
{
    struct translate t = {.at = text.data, .end = text.data + text.len, .last_repeats = 1};
    if (text.len <= 0 || text.len > PATTERN_LEN_MAX || memchr(text.data, '\0', (size_t)text.len))
        return ERR_INVALID_REGULAR_EXPRESSION;
    t.repeats[0] = 1;
    buf_init(&t.out);
    int err = translate(&t);
    struct topic_pattern *pattern = mem_alloc(sizeof(*pattern));
    if (!err && regcomp(&pattern->regex, buf_text(&t.out),
                        REG_EXTENDED | REG_NOSUB | (t.icase ? REG_ICASE : 0)) != 0)
        err = ERR_INVALID_REGULAR_EXPRESSION;
    buf_close(&t.out);
    if (err) {
        mem_free(pattern);
        return ERR_INVALID_REGULAR_EXPRESSION;
    }
    *out = pattern;
    return 0;
}

void topic_pattern_free(struct topic_pattern *pattern)
{
    regfree(&pattern->regex);
    mem_free(pattern);
}

bool topic_pattern_matches(const struct topic_pattern *pattern, const char *name)
{
    return regexec(&pattern->regex, name, 0, NULL, 0) == 0;
}
