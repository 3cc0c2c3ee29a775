/* The regular expressions that consumers subscribe by (KIP-848, v1 of the heartbeat), in RE2's
 * syntax: what RE2 refuses since it can't be matched in bounded time (back references, looking
 * around, possessive and atomic groups, recursion, counts over 1,000) is refused here too.
 *
 * The engine is PCRE2 with limits: an expression compiles to at most 64 KiB, and a name costs at
 * most TOPIC_PATTERN_STEPS steps and a megabyte. Still, compiling and matching belong on the
 * worker pool: matcher.h does that. */
#ifndef BROKER_GROUP_TOPIC_PATTERN_H
#define BROKER_GROUP_TOPIC_PATTERN_H

#include "base/check.h"
#include "wire/str.h"

struct topic_pattern;

enum {
    TOPIC_PATTERN_LEN_MAX = 1024, /* topic names have at most 249 characters */
    /* Backtracking steps for one name: as many as ".*a.*b.*" takes for a long one. */
    TOPIC_PATTERN_STEPS = 20000,
    /* A step may walk over all of the compiled expression, so a large one has fewer: steps times
     * bytes. It is some 10 ms at the worst. */
    TOPIC_PATTERN_WORK = 8 << 20
};

/* A look at the text alone, linear in its length: 0 or ERR_INVALID_REGULAR_EXPRESSION. What passes
 * may still not compile. */
int topic_pattern_check(struct wire_str text) MUST_CHECK;

/* Any thread: it logs nothing and knows no clock. ERR_INVALID_REGULAR_EXPRESSION. */
int topic_pattern_new(struct wire_str text, struct topic_pattern **pattern) MUST_CHECK;
void topic_pattern_free(struct topic_pattern *pattern);
/* Whether the whole name matches: 1 or 0; ERR_INVALID_REGULAR_EXPRESSION when that costs more than
 * an expression may. Not from two threads at once. */
int topic_pattern_matches(struct topic_pattern *pattern, const char *name) MUST_CHECK;

#endif
