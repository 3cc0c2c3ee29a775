/* Regular expressions of a configuration, in Perl's dialect, which is nearly Java's. Bodies are
 * matched as bytes. */
#ifndef AGENT_EXPRESSION_H
#define AGENT_EXPRESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tools/agent/part.h"

struct expression;

/* `whole`: it has to match from the first to the last letter. NULL with a line about `key` in
 * `problems` when it is none; `problems` may be NULL where it has been checked. */
struct expression *expression_new(const struct part *part, const char *key, const char *text,
                                  bool whole, struct buf *problems);
void expression_free(struct expression *expression);
/* Whether it matches the text, or something in it. Any thread, one at a time. */
bool expression_finds(struct expression *expression, const void *text, size_t len);
/* As the last find; `from` is where it begins to look. The i-th group is ends[2 * i] to
 * ends[2 * i + 1], SIZE_MAX when it took no part; 0 is the whole. Returns the groups, 0 = no match.
 * Borrowed until the next call. */
size_t expression_groups(struct expression *expression, const void *text, size_t len, size_t from,
                         const size_t **ends);

#endif
