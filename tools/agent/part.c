/* Values of parts, checked by the table of their type.
 *
 * Happy path: the reader makes a part for each name, adds its values one by one, and has the whole
 * checked; a part's code asks for values by their keys. Failure modes: each mistake is a line of
 * its own, with the place, the key and what to do, and reading goes on; asking for a key that is
 * not in the table is a bug of ours. */
#include "tools/agent/part.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "tools/agent/types.h"

const char KEY_REQUIRED[] = "(required)";

static const char *const part_kind_words[PART_KINDS] = {
    [PART_SOURCE] = "source",     [PART_CHANNEL] = "channel",
    [PART_SINK] = "sink",         [PART_INTERCEPTOR] = "interceptor",
    [PART_SELECTOR] = "selector", [PART_PROCESSOR] = "sink group",
};

const char *part_kind_word(enum part_kind kind)
{
    ASSERT(kind < PART_KINDS);
    return part_kind_words[kind];
}

/* ---- what is alike ---- */

/* How many changes of one letter make `a` of `b`; more than the limit are not counted on. */
enum { NEAREST_TEXT_MAX = 64, NEAREST_CHANGES = 4 };

static size_t part_distance(const char *a, const char *b)
{
    size_t row[NEAREST_TEXT_MAX + 1], a_len = strlen(a), b_len = strlen(b);
    if (a_len > NEAREST_TEXT_MAX || b_len > NEAREST_TEXT_MAX)
        return NEAREST_TEXT_MAX;
    for (size_t j = 0; j <= b_len; j++)
        row[j] = j;
    for (size_t i = 1; i <= a_len; i++) {
        size_t corner = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b_len; j++) {
            bool same = tolower((unsigned char)a[i - 1]) == tolower((unsigned char)b[j - 1]);
            size_t best = corner + !same;
            if (row[j] + 1 < best)
                best = row[j] + 1;
            if (row[j - 1] + 1 < best)
                best = row[j - 1] + 1;
            corner = row[j];
            row[j] = best;
        }
    }
    return row[b_len];
}

const char *part_nearest(const char *text, const char *const *texts, size_t count)
{
    size_t len = strlen(text), most = len / 2 < NEAREST_CHANGES ? len / 2 : NEAREST_CHANGES;
    const char *nearest = NULL;
    for (size_t i = 0; i < count; i++) {
        size_t distance = part_distance(text, texts[i]);
        if (distance <= most && (!nearest || distance < part_distance(text, nearest)))
            nearest = texts[i];
    }
    return nearest;
}

/* ---- types ---- */

const struct part_type *part_type_find(enum part_kind kind, const char *name)
{
    for (size_t i = 0; i < agent_types_count; i++) {
        const struct part_type *type = agent_types[i];
        if (type->kind != kind)
            continue;
        if (strcasecmp(type->name, name) == 0)
            return type;
        size_t len = type->class_name ? strlen(type->class_name) : 0;
        /* Of an interceptor Flume wants the builder, which is an inner class. */
        if (len && strncmp(type->class_name, name, len) == 0 &&
            (name[len] == '\0' || strcmp(name + len, "$Builder") == 0))
            return type;
    }
    return NULL;
}

const char *part_type_nearest(enum part_kind kind, const char *name)
{
    const char *names[64];
    size_t count = 0;
    for (size_t i = 0; i < agent_types_count && count < ARRAY_LEN(names); i++)
        if (agent_types[i]->kind == kind)
            names[count++] = agent_types[i]->name;
    return part_nearest(name, names, count);
}

/* ---- rows ---- */

static bool part_pattern_matches(const char *pattern, const char *key)
{
    while (*pattern) {
        if (*pattern != '*') {
            if (*pattern++ != *key++)
                return false;
            continue;
        }
        size_t name = strcspn(key, ".");
        if (pattern[1] == '\0')
            return *key != '\0';
        if (name == 0)
            return false;
        pattern++;
        key += name;
    }
    return *key == '\0';
}

static const struct key_row *part_row(const struct part_type *type, const char *key)
{
    for (const struct key_row *row = type->keys; row && row->name; row++)
        if (part_pattern_matches(row->name, key))
            return row;
    return NULL;
}

static const char *part_nearest_key(const struct part_type *type, const char *key)
{
    const char *names[128];
    size_t count = 0;
    for (const struct key_row *row = type->keys; row && row->name; row++)
        if (row->kind != KEY_REFUSED && count < ARRAY_LEN(names))
            names[count++] = row->name;
    return part_nearest(key, names, count);
}

static bool part_word_is_among(const char *words, const char *word)
{
    size_t len = strlen(word);
    for (const char *at = words; *at;) {
        size_t one = strcspn(at, "|");
        if (one == len && strncasecmp(at, word, len) == 0)
            return true;
        at += one + (at[one] == '|');
    }
    return false;
}

static bool part_parse_number(const char *text, int64_t *number)
{
    char *end;
    errno = 0;
    long long parsed = strtoll(text, &end, 10);
    *number = parsed;
    return errno == 0 && end != text && *end == '\0' && !isspace((unsigned char)text[0]);
}

/* ---- parts ---- */

struct part *part_new(const struct part_type *type, const char *name, const char *prefix,
                      const char *file, int line)
{
    struct part *part = mem_alloc(sizeof(*part));
    part->type = type;
    part->name = mem_strdup(name);
    part->prefix = mem_strdup(prefix);
    part->file = file;
    part->line = line;
    return part;
}

void part_free(struct part *part)
{
    if (!part)
        return;
    for (size_t i = 0; i < part->count; i++) {
        mem_free(part->values[i].key);
        mem_free(part->values[i].value);
    }
    mem_free(part->values);
    mem_free(part->name);
    mem_free(part->prefix);
    mem_free(part);
}

void part_logger(struct logger *logger, const struct logger *base, const struct part *part)
{
    *logger = *base;
    snprintf(logger->name, sizeof(logger->name), "%s %s", part_kind_word(part->type->kind),
             part->name);
}

bool part_equals(const struct part *a, const struct part *b)
{
    if (a->type != b->type || a->count != b->count || strcmp(a->name, b->name) != 0)
        return false;
    for (size_t i = 0; i < a->count; i++) {
        const char *other = part_textf(b, "%s", a->values[i].key);
        if (!other || strcmp(a->values[i].value, other) != 0)
            return false;
    }
    return true;
}

void part_where(const char *files, int line, struct buf *out)
{
    const int mask = (1 << PART_FILE_BITS) - 1;
    for (int skip = line >> PART_FILE_BITS; skip > 0; skip--) {
        files = strchr(files, '\n');
        ASSERT(files);
        files++;
    }
    buf_printf(out, "%.*s", (int)strcspn(files, "\n"), files);
    if (line & mask)
        buf_printf(out, " line %d", line & mask);
}

void part_complain(const struct part *part, const char *key, struct buf *problems,
                   const char *format, ...)
{
    va_list args;
    int line = part->line;
    for (size_t i = 0; i < part->count; i++)
        if (strcmp(part->values[i].key, key) == 0)
            line = part->values[i].line;
    part_where(part->file, line, problems);
    buf_printf(problems, ": %s%s: ", part->prefix, key);
    va_start(args, format);
    buf_vprintf(problems, format, args);
    va_end(args);
    buf_printf(problems, "\n");
}

static struct part_value *part_put(struct part *part, const struct key_row *row, const char *key,
                                   const char *value, int line)
{
    struct part_value *to = NULL;
    for (size_t i = 0; i < part->count; i++)
        if (strcmp(part->values[i].key, key) == 0)
            to = &part->values[i]; /* a later line wins, as in any properties file */
    if (to) {
        mem_free(to->value);
    } else {
        part->values = mem_realloc(part->values, (part->count + 1) * sizeof(*part->values));
        to = &part->values[part->count++];
        *to = (struct part_value){.key = mem_strdup(key)};
    }
    to->row = row;
    to->value = mem_strdup(value);
    to->line = line;
    to->older = false;
    return to;
}

static void part_check_value(const struct part *part, const struct part_value *value,
                             struct buf *problems)
{
    const struct key_row *row = value->row;
    const char *key = value->key, *text = value->value;
    int64_t number;
    if (row->kind == KEY_REFUSED)
        part_complain(part, key, problems, "not available: %s", row->doc);
    else if (text[0] == '\0' && row->standard == KEY_REQUIRED)
        part_complain(part, key, problems, "it is empty: %s", row->doc);
    else if (row->kind == KEY_NUMBER && !part_parse_number(text, &number))
        part_complain(part, key, problems, "\"%s\" is no whole number: %s", text, row->doc);
    else if (row->kind == KEY_NUMBER && (number < row->min || number > row->max))
        part_complain(part, key, problems, "%s is not in %lld to %lld", text, (long long)row->min,
                      (long long)row->max);
    else if (row->kind == KEY_FLAG && !part_word_is_among("true|false", text))
        part_complain(part, key, problems, "\"%s\" is neither true nor false", text);
    else if (row->kind == KEY_WORD && !part_word_is_among(row->words, text))
        part_complain(part, key, problems, "\"%s\" is none of %s", text, row->words);
}

static struct part_value *part_find(const struct part *part, const char *key)
{
    for (size_t i = 0; i < part->count; i++)
        if (strcmp(part->values[i].key, key) == 0)
            return &part->values[i];
    return NULL;
}

static void part_add_known(struct part *part, const struct key_row *row, const char *key,
                           const char *value, int line, struct buf *problems)
{
    const struct part_value *newer = row->kind == KEY_OLDER ? part_find(part, row->words) : NULL;
    size_t before = problems->len;
    if (newer && !newer->older)
        return;
    if (row->kind == KEY_OLDER) {
        struct part_value *to =
            part_put(part, part_row(part->type, row->words), row->words, value, line);
        to->older = true;
        part_check_value(part, to, problems);
    } else {
        part_check_value(part, part_put(part, row, key, value, line), problems);
    }
    part->invalid = part->invalid || problems->len > before;
}

void part_add(struct part *part, const char *key, const char *value, int line, struct buf *problems)
{
    const struct key_row *row = part_row(part->type, key);
    if (row) {
        part_add_known(part, row, key, value, line, problems);
        return;
    }
    const char *nearest = part_nearest_key(part->type, key);
    part_where(part->file, line, problems);
    buf_printf(problems, ": %s%s: a %s %s has no such key: ", part->prefix, key, part->type->name,
               part_kind_word(part->type->kind));
    if (nearest)
        buf_printf(problems, "did you mean %s?\n", nearest);
    else
        buf_printf(problems, "remove the line; --help %s lists the keys\n", part->type->name);
}

void part_check(const struct part *part, struct buf *problems)
{
    size_t before = problems->len;
    for (const struct key_row *row = part->type->keys; row && row->name; row++) {
        if (row->standard != KEY_REQUIRED)
            continue;
        bool found = false;
        for (size_t i = 0; i < part->count; i++)
            found = found || part->values[i].row == row;
        if (!found)
            part_complain(part, row->name, problems, "it is missing: %s", row->doc);
    }
    if (part->type->check && !part->invalid && problems->len == before)
        part->type->check(part, problems);
}

/* ---- getters ---- */

const char *part_text(const struct part *part, const char *key)
{
    const struct key_row *row = part_row(part->type, key);
    ASSERT(row);
    const struct part_value *value = part_find(part, key);
    if (value)
        return value->value;
    return row->standard == KEY_REQUIRED ? NULL : row->standard;
}

int64_t part_number(const struct part *part, const char *key)
{
    const char *text = part_text(part, key);
    int64_t number = 0;
    ASSERT(part_row(part->type, key)->kind == KEY_NUMBER);
    bool parsed = text && part_parse_number(text, &number);
    ASSERT(parsed);
    return number;
}

bool part_flag(const struct part *part, const char *key)
{
    const char *text = part_text(part, key);
    ASSERT(part_row(part->type, key)->kind == KEY_FLAG);
    return text && strcasecmp(text, "true") == 0;
}

bool part_given(const struct part *part, const char *key)
{
    ASSERT(part_row(part->type, key));
    return part_find(part, key) != NULL;
}

bool part_is(const struct part *part, const char *key, const char *expected)
{
    const char *text = part_text(part, key);
    return text && strcasecmp(text, expected) == 0;
}

bool part_list(const struct part *part, const char *key, size_t i, char *name, size_t size)
{
    const char *at = part_text(part, key);
    for (; at; i--) {
        at += strspn(at, " \t\r\n");
        size_t len = strcspn(at, " \t\r\n");
        if (len == 0)
            return false;
        if (i == 0) {
            snprintf(name, size, "%.*s", (int)len, at);
            return true;
        }
        at += len;
    }
    return false;
}

const char *part_textf(const struct part *part, const char *format, ...)
{
    struct buf key;
    va_list args;
    buf_init(&key);
    va_start(args, format);
    buf_vprintf(&key, format, args);
    va_end(args);
    const struct part_value *value = part_find(part, buf_text(&key));
    buf_close(&key);
    return value ? value->value : NULL;
}

const char *part_next(const struct part *part, const char *prefix, size_t *cursor,
                      const char **rest)
{
    size_t len = strlen(prefix);
    while (*cursor < part->count) {
        const struct part_value *value = &part->values[(*cursor)++];
        if (strncmp(value->key, prefix, len) == 0) {
            *rest = value->key + len;
            return value->value;
        }
    }
    return NULL;
}

/* ---- help and tables ---- */

static const char *part_row_what(const struct key_row *row, char *text, size_t size)
{
    static const char *const words[] = {
        [KEY_TEXT] = "text",  [KEY_NUMBER] = "number",    [KEY_FLAG] = "true|false",
        [KEY_LIST] = "names", [KEY_REFUSED] = "not here",
    };
    if (row->kind == KEY_WORD)
        snprintf(text, size, "%s", row->words);
    else if (row->kind == KEY_OLDER)
        snprintf(text, size, "see %s", row->words);
    else if (row->kind == KEY_NUMBER && row->max < KEY_MAX_INT)
        snprintf(text, size, "%lld to %lld", (long long)row->min, (long long)row->max);
    else
        snprintf(text, size, "%s", words[row->kind]);
    return text;
}

void part_type_print(const struct part_type *type, FILE *out)
{
    char what[256];
    fprintf(out, "%s %s: %s\n", type->name, part_kind_word(type->kind), type->doc);
    if (type->class_name)
        fprintf(out, "  also written as %s\n", type->class_name);
    if (type->missing)
        fprintf(out, "  not available: %s\n", type->missing);
    for (const struct key_row *row = type->keys; row && row->name; row++) {
        fprintf(out, "\n  %s = %s", row->name, part_row_what(row, what, sizeof(what)));
        if (row->standard == KEY_REQUIRED)
            fprintf(out, ", must be given");
        else if (row->standard)
            fprintf(out, ", default %s", row->standard[0] ? row->standard : "(empty)");
        fprintf(out, "\n      %s\n", row->doc);
    }
}

/* A bar would end the cell. */
static void part_print_cell(const char *text, FILE *out)
{
    for (; *text; text++) {
        if (*text == '|')
            fputc('\\', out);
        fputc(*text, out);
    }
}

static void part_type_print_markdown(const struct part_type *type, FILE *out)
{
    char what[256];
    fprintf(out, "\n#### %s (%s)\n%s", type->name, part_kind_word(type->kind), type->doc);
    if (type->class_name)
        fprintf(out, " Full name: `%s`.", type->class_name);
    fprintf(out, "\n");
    if (type->missing)
        fprintf(out, "\nNot available: %s.\n", type->missing);
    if (type->keys && type->keys->name)
        fprintf(out, "\n| key | value | default | what |\n| --- | --- | --- | --- |\n");
    for (const struct key_row *row = type->keys; row && row->name; row++) {
        fprintf(out, "| %s | ", row->name);
        part_print_cell(part_row_what(row, what, sizeof(what)), out);
        fprintf(out, " | ");
        if (row->standard == KEY_REQUIRED)
            fprintf(out, "must be given");
        else if (row->standard)
            part_print_cell(row->standard, out);
        fprintf(out, " | ");
        part_print_cell(row->doc, out);
        fprintf(out, " |\n");
    }
}

void part_types_print_markdown(FILE *out)
{
    static const char *const titles[PART_KINDS] = {
        [PART_SOURCE] = "Sources",     [PART_CHANNEL] = "Channels",
        [PART_SINK] = "Sinks",         [PART_INTERCEPTOR] = "Interceptors",
        [PART_SELECTOR] = "Selectors", [PART_PROCESSOR] = "Sink groups",
    };
    for (int kind = 0; kind < PART_KINDS; kind++) {
        fprintf(out, "\n### %s\n", titles[kind]);
        for (size_t i = 0; i < agent_types_count; i++)
            if (agent_types[i]->kind == (enum part_kind)kind)
                part_type_print_markdown(agent_types[i], out);
    }
}
