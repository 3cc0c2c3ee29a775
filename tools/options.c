/* The command line of a tool.
 *
 * Happy path: each argument with a dash is found in the table and takes its value from behind the =
 * or from the next argument. Failure modes: an unknown option (the nearest name is offered), a
 * value that is missing or not wanted, a second value where one counts, an option that the action
 * does not read, too many arguments. */
#include "tools/options.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"

struct option_given {
    const struct option_row *row; /* never one with same_as */
    const char *written;
    const char *value; /* "" for a flag */
};

struct options {
    const struct option_row *rows;
    struct option_given *given;
    size_t given_count;
    const char **positional;
    int positional_count;
};

/* The usage is for terminals of this width. */
enum { OPTIONS_USAGE_WIDTH = 100, OPTIONS_USAGE_INDENT = 34 };
enum { OPTIONS_HEAD_MAX = 160 };

static const struct option_row *options_find(const struct option_row *rows, const char *name,
                                             size_t len)
{
    for (const struct option_row *row = rows; row->name; row++)
        if (strlen(row->name) == len && memcmp(row->name, name, len) == 0)
            return row;
    for (const struct option_row *row = rows; row->name; row++)
        if (len == 1 && row->letter == name[0])
            return row;
    return NULL;
}

static const struct option_row *options_resolve(const struct option_row *rows,
                                                const struct option_row *row)
{
    const char *name = row->same_as;
    return name ? options_find(rows, name, strlen(name)) : row;
}

/* How many letters two names have in common at both ends; enough to guess what was meant. */
static size_t options_likeness(const char *a, size_t a_len, const char *b)
{
    size_t b_len = strlen(b), front = 0, back = 0;
    while (front < a_len && front < b_len && a[front] == b[front])
        front++;
    while (back < a_len - front && back < b_len - front &&
           a[a_len - 1 - back] == b[b_len - 1 - back])
        back++;
    return front + back;
}

static int options_say_unknown(const struct option_row *rows, const char *arg, const char *name,
                               size_t len, struct buf *problem)
{
    const char *best = NULL;
    size_t best_likeness = len / 2;
    for (const struct option_row *row = rows; row->name; row++) {
        size_t likeness = options_likeness(name, len, row->name);
        if (likeness > best_likeness && row->doc) {
            best_likeness = likeness;
            best = row->name;
        }
    }
    buf_printf(problem, "%.*s is not an option of this tool", (int)(name - arg + (ptrdiff_t)len),
               arg);
    if (best)
        buf_printf(problem, ": did you mean --%s?", best);
    return ERR_UNKNOWN_OPTION;
}

static bool options_is_option(const struct option_row *rows, const char *arg)
{
    if (arg[0] != '-' || arg[1] == '\0')
        return false;
    const char *name = arg + 1 + (arg[1] == '-');
    return options_find(rows, name, strcspn(name, "=")) != NULL;
}

static const struct option_given *options_last(const struct options *options, const char *name)
{
    for (size_t i = options->given_count; i > 0; i--)
        if (strcmp(options->given[i - 1].row->name, name) == 0)
            return &options->given[i - 1];
    return NULL;
}

/* 0, or ERR_INVALID: it has another value already, and only one can count. */
static int options_check_single(const struct options *options, const struct option_row *row,
                                const char *value, struct buf *problem)
{
    const struct option_row *known = options_resolve(options->rows, row);
    ASSERT(known); /* the tables name only rows that they have */
    const struct option_given *before = known->many ? NULL : options_last(options, known->name);
    if (!before || strcmp(before->value, value) == 0)
        return 0;
    if (strcmp(before->written, row->name) == 0)
        buf_printf(problem, "--%s is given twice, as %s and as %s: give it once", row->name,
                   before->value, value);
    else
        buf_printf(problem, "--%s %s and --%s %s mean the same: give one of them", before->written,
                   before->value, row->name, value);
    return ERR_INVALID;
}

static void options_add(struct options *options, const struct option_row *row, const char *value)
{
    size_t size = (options->given_count + 1) * sizeof(*options->given);
    options->given = mem_realloc(options->given, size);
    options->given[options->given_count++] =
        (struct option_given){options_resolve(options->rows, row), row->name, value};
}

/* The row of "-Dname=value"; NULL when it is none such. */
static const struct option_row *options_find_glued(const struct option_row *rows, const char *arg)
{
    for (const struct option_row *row = rows; row->name; row++)
        if (row->glued && arg[1] == row->letter && arg[2] != '\0')
            return row;
    return NULL;
}

/* Takes one option, and its value from argv[1] when it stands there; returns the arguments used or
 * an error. */
static int options_take(struct options *options, int argc, char **argv, struct buf *problem)
{
    const char *arg = argv[0];
    const struct option_row *glued = options_find_glued(options->rows, arg);
    if (glued) {
        options_add(options, glued, arg + 2);
        return 1;
    }
    const char *name = arg + 1 + (arg[1] == '-');
    size_t len = strcspn(name, "=");
    const char *value = name[len] == '=' ? name + len + 1 : NULL;
    const struct option_row *row = options_find(options->rows, name, len);
    if (!row)
        return options_say_unknown(options->rows, arg, name, len, problem);
    if (!row->value && value) {
        buf_printf(problem, "--%s takes no value", row->name);
        return ERR_INVALID;
    }
    bool next = argc > 1 && !options_is_option(options->rows, argv[1]);
    bool may_lack = row->value && row->value[0] == '[';
    int used = 1;
    if (!row->value || (may_lack && !value && (!next || argv[1][0] == '-'))) {
        value = "";
    } else if (!value && !next) {
        buf_printf(problem, "--%s needs a value: --%s %s", row->name, row->name, row->value);
        return ERR_INVALID;
    } else if (!value) {
        value = argv[1];
        used = 2;
    }
    if (options_check_single(options, row, value, problem))
        return ERR_INVALID;
    options_add(options, row, value);
    for (; row->rest && used < argc && argv[used][0] != '-'; used++)
        options_add(options, row, argv[used]);
    return used;
}

static int options_take_positional(struct options *options, char *arg, int most,
                                   struct buf *problem)
{
    if (options->positional_count == most) {
        buf_printf(problem, "%s: this tool takes %s", arg,
                   most == 0 ? "options only" : "fewer arguments");
        return ERR_INVALID;
    }
    options->positional[options->positional_count++] = arg;
    return 1;
}

int options_parse(const struct option_row *rows, int argc, char **argv, int positional,
                  struct buf *problem, struct options **out)
{
    struct options *options = mem_alloc(sizeof(*options));
    options->rows = rows;
    options->positional = mem_alloc(((size_t)positional + 1) * sizeof(*options->positional));
    bool only_positional = false;
    for (int i = 0; i < argc;) {
        int used = 1;
        if (!only_positional && strcmp(argv[i], "--") == 0)
            only_positional = true;
        else if (!only_positional && argv[i][0] == '-' && argv[i][1] != '\0')
            used = options_take(options, argc - i, argv + i, problem);
        else
            used = options_take_positional(options, argv[i], positional, problem);
        if (used < 0) {
            options_free(options);
            return used;
        }
        i += used;
    }
    *out = options;
    return 0;
}

void options_free(struct options *options)
{
    if (!options)
        return;
    mem_free(options->given);
    mem_free(options->positional);
    mem_free(options);
}

static bool options_goes_with(const struct option_row *row, const char *action)
{
    size_t len = strlen(action);
    for (const char *at = row->with; *at;) {
        size_t n = strcspn(at, "|");
        if (n == len && memcmp(at, action, n) == 0)
            return true;
        at += n + (at[n] == '|');
    }
    return false;
}

const char *options_find_other(const struct options *options, const char *action)
{
    for (size_t i = 0; i < options->given_count; i++)
        if (options->given[i].row->with && !options_goes_with(options->given[i].row, action))
            return options->given[i].written;
    return NULL;
}

int options_check_action(const struct options *options, const char *action, struct buf *problem)
{
    for (size_t i = 0; i < options->given_count; i++) {
        const struct option_given *given = &options->given[i];
        if (!given->row->with || options_goes_with(given->row, action))
            continue;
        buf_printf(problem, "--%s goes with ", given->written);
        for (const char *at = given->row->with; *at;) {
            size_t n = strcspn(at, "|");
            const char *next = at + n + (at[n] == '|');
            const char *before = at == given->row->with ? "" : *next ? ", " : " or ";
            buf_printf(problem, "%s--%.*s", before, (int)n, at);
            at = next;
        }
        buf_printf(problem, ", not with --%s: leave it out", action);
        return ERR_INVALID;
    }
    return 0;
}

bool options_has(const struct options *options, const char *name)
{
    return options_last(options, name) != NULL;
}

const char *options_get(const struct options *options, const char *name)
{
    const struct option_given *given = options_last(options, name);
    return given ? given->value : NULL;
}

bool options_takes(const struct options *options, const char *name, const char *value)
{
    const struct option_row *row = options_find(options->rows, name, strlen(name));
    return row && row->value && strcmp(row->value, value) == 0;
}

const char *options_written(const struct options *options, const char *name)
{
    const struct option_given *given = options_last(options, name);
    return given ? given->written : NULL;
}

const char *options_next(const struct options *options, const char *name, size_t *cursor)
{
    while (*cursor < options->given_count) {
        const struct option_given *given = &options->given[(*cursor)++];
        if (strcmp(given->row->name, name) == 0)
            return given->value;
    }
    return NULL;
}

int options_int(const struct options *options, const char *name, int64_t min, int64_t max,
                int64_t otherwise, int64_t *value, struct buf *problem)
{
    const char *text = options_get(options, name);
    char *end;
    *value = otherwise;
    if (!text)
        return 0;
    errno = 0;
    long long number = strtoll(text, &end, 10);
    *value = number;
    if (end != text && *end == '\0' && errno == 0 && number >= min && number <= max)
        return 0;
    buf_printf(problem, "--%s %s: write a whole number", options_written(options, name), text);
    if (max == INT64_MAX)
        buf_printf(problem, " from %" PRId64 " upwards", min);
    else
        buf_printf(problem, " from %" PRId64 " to %" PRId64, min, max);
    return ERR_INVALID;
}

const char *options_positional(const struct options *options, int i)
{
    return i < options->positional_count ? options->positional[i] : NULL;
}

/* ---- usage ---- */

void options_print_text(const char *text, size_t indent, FILE *out)
{
    size_t at = indent;
    while (*text) {
        size_t len = strcspn(text, " ");
        if (at > indent && at + 1 + len > OPTIONS_USAGE_WIDTH) {
            fprintf(out, "\n%*s", (int)indent, "");
            at = indent;
        } else if (at > indent) {
            fputc(' ', out);
            at++;
        }
        fwrite(text, 1, len, out);
        at += len;
        text += len + strspn(text + len, " ");
    }
    fputc('\n', out);
}

static void options_print_row(const struct option_row *row, FILE *out)
{
    char head[OPTIONS_HEAD_MAX];
    char letter[5] = {'-', row->letter, ',', ' ', '\0'};
    int len = row->glued ? snprintf(head, sizeof(head), "  -%c%s", row->letter, row->value)
                         : snprintf(head, sizeof(head), "  %s--%s%s%s", row->letter ? letter : "",
                                    row->name, row->value ? " " : "", row->value ? row->value : "");
    if (len < OPTIONS_USAGE_INDENT)
        fprintf(out, "%-*s", OPTIONS_USAGE_INDENT, head);
    else
        fprintf(out, "%s\n%*s", head, OPTIONS_USAGE_INDENT, "");
    options_print_text(row->doc, OPTIONS_USAGE_INDENT, out);
}

void options_usage(const struct option_row *rows, const char *tool, const char *synopsis,
                   const char *summary, FILE *out)
{
    fprintf(out, "%s\n\nUsage: %s%s%s\n\n", summary, tool, synopsis[0] ? " " : "", synopsis);
    for (const struct option_row *row = rows; row->name; row++)
        if (row->doc)
            options_print_row(row, out);
}
