/* The parts of an agent as its configuration knows them: types with their keys, and the values that
 * a file gives to one part.
 *
 * A type (netcat, memory, logger...) is a `struct part_type` with a table of keys: name, kind,
 * default, and one sentence. The parser, the error messages, `--help TYPE` and the tables of
 * docs/agent.md read that table; no code of a part looks at properties by itself. */
#ifndef AGENT_PART_H
#define AGENT_PART_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/logger.h"

enum part_kind {
    PART_SOURCE,
    PART_CHANNEL,
    PART_SINK,
    PART_INTERCEPTOR,
    PART_SELECTOR,
    PART_PROCESSOR, /* how a group of sinks shares the work */
    PART_KINDS
};

/* "source", for messages. */
const char *part_kind_word(enum part_kind kind);

enum key_kind {
    KEY_TEXT,
    KEY_NUMBER, /* min and max */
    KEY_FLAG,   /* true or false */
    KEY_WORD,   /* one of `words`, whatever its case */
    KEY_LIST,   /* names, separated by blanks */
    KEY_OLDER,  /* another name of the key in `words`, which counts if both are given */
    KEY_REFUSED /* one of Flume that is not here: the sentence says what to do instead */
};

#define KEY_MAX_INT  INT32_MAX
#define KEY_MAX_LONG INT64_MAX

/* A `*` in a name stands for one name without a dot, at the end of it for any rest. */
struct key_row {
    const char *name;
    enum key_kind kind;
    const char *standard; /* the default; NULL = none; KEY_REQUIRED = it must be given */
    int64_t min;
    int64_t max;
    const char *words; /* "a|b", or the newer key */
    const char *doc;   /* one sentence */
};

extern const char KEY_REQUIRED[];

/* clang-format off */
#define KEY(text, otherwise, sentence) \
    {.name = text, .kind = KEY_TEXT, .standard = otherwise, .doc = sentence}
#define KEY_INT(text, otherwise, least, most, sentence) \
    {.name = text, .kind = KEY_NUMBER, .standard = otherwise, .min = least, .max = most, \
     .doc = sentence}
#define KEY_BOOL(text, otherwise, sentence) \
    {.name = text, .kind = KEY_FLAG, .standard = otherwise, .doc = sentence}
#define KEY_ONE_OF(text, otherwise, choice, sentence) \
    {.name = text, .kind = KEY_WORD, .standard = otherwise, .words = choice, .doc = sentence}
#define KEY_NAMES(text, otherwise, sentence) \
    {.name = text, .kind = KEY_LIST, .standard = otherwise, .doc = sentence}
#define KEY_OLDER_NAME(text, newer) \
    {.name = text, .kind = KEY_OLDER, .words = newer, .doc = "Another name of " newer "."}
#define KEY_NOT_HERE(text, sentence) \
    {.name = text, .kind = KEY_REFUSED, .doc = sentence}
#define KEY_END {.name = NULL}
/* clang-format on */

struct part;

struct part_type {
    enum part_kind kind;
    const char *name;           /* "taildir" */
    const char *class_name;     /* Flume's full name, which is taken as well; NULL = none */
    const char *doc;            /* one sentence */
    const struct key_row *keys; /* ends with KEY_END; NULL = none */
    const char *missing;        /* why there is no such type here, and what to do instead */
    /* What the table can't say of the values, together: sentences by part_complain. NULL = none. */
    void (*check)(const struct part *part, struct buf *problems);
    /* The same of two parts of the type in one agent: what they can't share. NULL = nothing. */
    void (*check_two)(const struct part *part, const struct part *other, struct buf *problems);
};

struct part_value {
    const struct key_row *row;
    char *key; /* as in the file, without the part's prefix */
    char *value;
    int line;
    bool older; /* it was given by an older name */
};

struct part {
    const struct part_type *type;
    char *name;   /* "r1" */
    char *prefix; /* "a1.sources.r1." */
    const char *file;
    int line; /* of its type */
    struct part_value *values;
    size_t count;
    bool invalid; /* a value is none of its kind, which is told: its numbers can't be asked for */
};

struct part *part_new(const struct part_type *type, const char *name, const char *prefix,
                      const char *file, int line);
void part_free(struct part *part);
/* A logger whose lines name the part. */
void part_logger(struct logger *logger, const struct logger *base, const struct part *part);
/* Whether both have the same type and values. */
bool part_equals(const struct part *a, const struct part *b);

/* Adds a value that the file gives, or a line to `problems`: unknown keys with the nearest known
 * one, values that are none of their kind. */
void part_add(struct part *part, const char *key, const char *value, int line,
              struct buf *problems);
/* When all values are in: what is missing, and the type's own check. */
void part_check(const struct part *part, struct buf *problems);
/* "FILE line 3". `files` are names of files, each on a line of its own; the number of a line of the
 * i-th has i in the bits from PART_FILE_BITS on. Without a line: "FILE". */
enum { PART_FILE_BITS = 24, PART_FILES_MAX = 64 };
void part_where(const char *files, int line, struct buf *out);
/* "FILE line 3: a1.sources.r1.port: ..." and a newline, into `problems`. */
void part_complain(const struct part *part, const char *key, struct buf *problems,
                   const char *format, ...) PRINTF_LIKE(4, 5);

/* What is in force: the value of the file or the default; NULL when there is neither. The key must
 * be in the table, with a kind that fits. */
const char *part_text(const struct part *part, const char *key);
int64_t part_number(const struct part *part, const char *key);
bool part_flag(const struct part *part, const char *key);
/* Whether the file gives it. */
bool part_given(const struct part *part, const char *key);
/* The i-th name of a list; false past the end. */
bool part_list(const struct part *part, const char *key, size_t i, char *name, size_t size);
/* "headers.%s.%s" and such, put together; NULL when the file does not give it. */
const char *part_textf(const struct part *part, const char *format, ...) PRINTF_LIKE(2, 3);
/* Those of the file that begin with `prefix`: start with *cursor = 0; *rest is what stands behind
 * the prefix. NULL at the end. */
const char *part_next(const struct part *part, const char *prefix, size_t *cursor,
                      const char **rest);
/* Whether the word is `expected`, whatever its case. */
bool part_is(const struct part *part, const char *key, const char *expected);

/* The type with that short or full name; NULL. */
const struct part_type *part_type_find(enum part_kind kind, const char *name);
/* The short name that is closest; NULL when none is close. */
const char *part_type_nearest(enum part_kind kind, const char *name);
/* The keys of a type, for --help. */
void part_type_print(const struct part_type *type, FILE *out);
/* Tables of all types, in Markdown. */
void part_types_print_markdown(FILE *out);

/* Of `count` texts the one that is most alike; NULL when none is alike enough. */
const char *part_nearest(const char *text, const char *const *texts, size_t count);

#endif
