/* The live line of an agent at a terminal:
 *
 *     in 120345 (1204/s), out 120300 (1200/s), c1 45 of 10000
 *
 * Events that channels have from sources, events that sinks have delivered, what each of them was
 * in the last second, and how full each channel is. Lines of the log stand above it. */
#ifndef AGENT_AGENT_LINE_H
#define AGENT_AGENT_LINE_H

#include "base/logger.h"
#include "tools/agent/agent.h"
#include "tools/live_line.h"

struct agent_line {
    struct live_line line;
    struct env *env;
    struct agent *const *agent; /* *agent is NULL while none works */
    struct env_timer tick;
    int64_t in, out; /* at the last tick */
    int64_t at_ms;   /* of the last tick */
    char text[512];
};

/* Only where stdout is a terminal. From then on the logger prints through the line: before copies
 * of it are made. */
void agent_line_open(struct agent_line *line, struct env *env, struct logger *logger,
                     struct agent *const *agent);
/* It is gone from the terminal. */
void agent_line_close(struct agent_line *line);
/* What stands in it. */
void agent_line_text(struct agent_line *line, char *out, size_t size);

#endif
