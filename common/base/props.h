/* Java properties files: `key=value`, `key: value` or `key value`, # and ! comments, lines joined
 * by a backslash, \uXXXX and the usual escapes. */
#ifndef BASE_PROPS_H
#define BASE_PROPS_H

#include <stddef.h>

#include "base/check.h"

struct props_entry {
    char *key;
    char *value;
    int line; /* where it starts, from 1; 0 for one that was set by props_set */
};

struct props {
    struct props_entry *entries; /* in file order; a later key wins over an earlier one */
    size_t count;
};

void props_init(struct props *props);
void props_close(struct props *props);
/* Adds the entries of `text`. 0, or ERR_MALFORMED with *line set (bad \u escape, line with no key,
 * NUL byte); what was read up to there stays. */
int props_parse(struct props *props, const char *text, size_t len, int *line) MUST_CHECK;
/* As a later line of the file would. */
void props_set(struct props *props, const char *key, const char *value);
/* The last value of `key`, or NULL. */
const char *props_get(const struct props *props, const char *key);

#endif
