/* What a host did and was logged: once a minute, however often it does it. A client that is closed
 * tries again and again, and one line is enough; how often it did is told at the end. */
#ifndef ENV_TOLD_H
#define ENV_TOLD_H

#include "base/logger.h"
#include "env/env.h"

enum {
    TOLD_MAX = 64, /* remembered at a time; what is more counts as the first time each time */
    TOLD_QUIET_MS = 60000,
    TOLD_TEXT_MAX = 160
};

struct told {
    struct told_row {
        char text[TOLD_TEXT_MAX]; /* "10.0.0.1 speaks TLS"; "" = free */
        int64_t until_ms;
        int64_t held;
    } rows[TOLD_MAX];
};

/* Whether the line about `peer` ("host:port") is to be written: its host has not done this for a
 * minute. `what` says what it does: "speaks TLS". */
bool told_is_first(struct told *told, struct logger *logger, int64_t now_ms, const char *peer,
                   const char *what);
/* Now and then: tells what was held back, and forgets what is a minute old. */
void told_sweep(struct told *told, struct logger *logger, int64_t now_ms);

#endif
