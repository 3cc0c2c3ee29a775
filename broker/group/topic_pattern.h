/* The regular expressions that consumers subscribe by (KIP-848, v1 of the heartbeat). The syntax is
 * RE2's as far as the C library's extended expressions can say it: classes \d \w \s and their
 * opposites,
 * (?:...), (?i) at the front, lazy repetition, \Q...\E. What would cost more than the pattern is
 * worth (back references, counts that multiply) is refused. */
#ifndef BROKER_GROUP_TOPIC_PATTERN_H
#define BROKER_GROUP_TOPIC_PATTERN_H

#include <stdbool.h>

#include "base/check.h"
#include "wire/str.h"

struct topic_pattern;

/* ERR_INVALID_REGULAR_EXPRESSION. */
int topic_pattern_new(struct wire_str text, struct topic_pattern **pattern) MUST_CHECK;
void topic_pattern_free(struct topic_pattern *pattern);
/* Whether the whole name matches. */
bool topic_pattern_matches(const struct topic_pattern *pattern, const char *name);

#endif
