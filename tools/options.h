/* The command line of a tool: one table of options gives the parser and the usage text.
 *
 * `--opt V`, `--opt=V`, and the same with one dash, since tutorials write both. A repeated option
 * adds a value where its row says so; elsewhere a second, different value is an error. Names are
 * never shortened. */
#ifndef TOOLS_OPTIONS_H
#define TOOLS_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/buf.h"

struct option_row {
    const char *name;  /* without dashes */
    const char *value; /* what the usage calls the value; NULL = a flag; "[X]" = may be left out */
    const char *doc;   /* one sentence; NULL = an older form, left out of the usage */
    const char *same_as; /* the option that this one is another name of; NULL = none */
    const char *with;    /* the actions or commands that it goes with: "create|alter"; NULL = any */
    const char *words;   /* what the value may be, for the completion; NULL = as "value" says */
    char letter;         /* "-i"; 0 = none */
    bool many;           /* may be given several times, each time with a value of its own */
    bool rest;           /* with many: "--props a=1 b=2", all up to the next argument with a dash */
    bool glued;          /* "-Dname=value": the value follows the letter at once */
};

#define OPTION(text, what, sentence)                                                               \
    {                                                                                              \
        .name = text, .value = what, .doc = sentence                                               \
    }
/* One whose value may be one of some words, of which `what` names only the kind. */
#define OPTION_WORDS(text, what, choice, sentence)                                                 \
    {                                                                                              \
        .name = text, .value = what, .words = choice, .doc = sentence                              \
    }
#define OPTION_WORDS_WITH(actions, text, what, choice, sentence)                                   \
    {                                                                                              \
        .name = text, .value = what, .words = choice, .doc = sentence, .with = actions             \
    }
/* One that goes with some of the actions of the tool only (options_check_action). */
#define OPTION_WITH(actions, text, what, sentence)                                                 \
    {                                                                                              \
        .name = text, .value = what, .doc = sentence, .with = actions                              \
    }
#define OPTION_MANY(text, what, sentence)                                                          \
    {                                                                                              \
        .name = text, .value = what, .doc = sentence, .many = true                                 \
    }
#define OPTION_REST(text, what, sentence)                                                          \
    {                                                                                              \
        .name = text, .value = what, .doc = sentence, .many = true, .rest = true                   \
    }
#define OPTION_MANY_WITH(actions, text, what, sentence)                                            \
    {                                                                                              \
        .name = text, .value = what, .doc = sentence, .with = actions, .many = true                \
    }
#define OPTION_MANY_LETTER(c, text, what, sentence)                                                \
    {                                                                                              \
        .name = text, .value = what, .doc = sentence, .letter = c, .many = true                    \
    }
#define OPTION_LETTER_WITH(actions, c, text, what, sentence)                                       \
    {                                                                                              \
        .name = text, .value = what, .doc = sentence, .with = actions, .letter = c                 \
    }
#define OPTION_MANY_LETTER_WITH(actions, c, text, what, sentence)                                  \
    {                                                                                              \
        .name = text, .value = what, .doc = sentence, .with = actions, .letter = c, .many = true   \
    }
#define OPTION_LETTER(c, text, what, sentence)                                                     \
    {                                                                                              \
        .name = text, .value = what, .doc = sentence, .letter = c                                  \
    }
/* "-Dname=value", as Java takes it, any number of times. */
#define OPTION_GLUED(c, text, what, sentence)                                                      \
    {                                                                                              \
        .name = text, .value = what, .doc = sentence, .letter = c, .many = true, .glued = true     \
    }
/* An older option that is still taken, or one that is refused with a reason. */
#define OPTION_OLD(text, what)                                                                     \
    {                                                                                              \
        .name = text, .value = what                                                                \
    }
#define OPTION_OLD_LETTER(c, text, what)                                                           \
    {                                                                                              \
        .name = text, .value = what, .letter = c                                                   \
    }
#define OPTION_OLD_WITH(actions, text, what)                                                       \
    {                                                                                              \
        .name = text, .value = what, .with = actions                                               \
    }
#define OPTION_SAME(text, what, other)                                                             \
    {                                                                                              \
        .name = text, .value = what, .same_as = other                                              \
    }
#define OPTION_SAME_REST(text, what, other)                                                        \
    {                                                                                              \
        .name = text, .value = what, .same_as = other, .rest = true                                \
    }
#define OPTION_END                                                                                 \
    {                                                                                              \
        .name = NULL                                                                               \
    }

struct options;

/* Arguments after the name of the tool. `rows` ends with OPTION_END and is borrowed. `positional`:
 * the most arguments that are no options. 0, or ERR_UNKNOWN_OPTION, ERR_INVALID with a sentence in
 * `problem`. The strings of argv are borrowed. */
int options_parse(const struct option_row *rows, int argc, char **argv, int positional,
                  struct buf *problem, struct options **options) MUST_CHECK;
void options_free(struct options *options);
/* Whether all that was given goes with the action ("create"). 0, or ERR_INVALID with the sentence:
 * an option that the action does not read is never ignored. */
int options_check_action(const struct options *options, const char *action,
                         struct buf *problem) MUST_CHECK;

/* The first option, as it was written, that does not go with the action; NULL: all do. */
const char *options_find_other(const struct options *options, const char *action);

/* Names here are those of rows without same_as. */
bool options_has(const struct options *options, const char *name);
/* The last value, "" for one that was left out; NULL when the option was not given. */
const char *options_get(const struct options *options, const char *name);
/* Whether the option is there, and says of its value just this. */
bool options_takes(const struct options *options, const char *name, const char *value);
/* All values in order: start with *cursor = 0; NULL at the end. */
const char *options_next(const struct options *options, const char *name, size_t *cursor);
/* The value as a number; `otherwise` when not given. ERR_INVALID with the sentence. */
int options_int(const struct options *options, const char *name, int64_t min, int64_t max,
                int64_t otherwise, int64_t *value, struct buf *problem) MUST_CHECK;
/* The arguments that are no options: the i-th, NULL past the end. */
const char *options_positional(const struct options *options, int i);
/* The name that the user wrote for it ("broker-list"); NULL when not given. */
const char *options_written(const struct options *options, const char *name);

/* The sentence and a newline, broken between words at the width of a terminal; further lines begin
 * at the indent, at which the caller has got already. */
void options_print_text(const char *text, size_t indent, FILE *out);
/* The summary, "Usage: TOOL SYNOPSIS", and a line or more for each option. */
void options_usage(const struct option_row *rows, const char *tool, const char *synopsis,
                   const char *summary, FILE *out);

#endif
