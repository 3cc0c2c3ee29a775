/* Flushing logs, in groups. */
#ifndef BROKER_LOG_FLUSH_H
#define BROKER_LOG_FLUSH_H

#include <stdint.h>

#include "base/check.h"
#include "env/env.h"

struct log;
struct log_manager;
struct segment;

/* A flush of what is in the log now begins at the end of this turn, or when the running one ends.
 */
void flush_later(struct log *log);
void flush_start(struct log *log);
/* A look at all logs in at most that time; 0, and further ahead than a life, is never. */
void flush_within(struct log_manager *manager, int64_t ms);
/* Flushes what has waited for flush.ms, else has the log looked at when it will have. */
void flush_look(struct log *log, int64_t now_ms);
/* Syncs an index file of a segment, if there is one. Blocks. */
int flush_index(struct env *env, const struct segment *segment, const char *suffix) MUST_CHECK;

#endif
