/* An agent that follows its file: started from it, and looked after for as long as the process
 * runs. `flume-ng agent` is one alone; a server may have one inside (tools/server/guest.h).
 *
 * Once a second the file is looked at: when it has changed, the agent takes the new configuration
 * over, and parts that could not be started are tried again. All calls belong to the env's thread.
 */
#ifndef AGENT_AGENT_HOST_H
#define AGENT_AGENT_HOST_H

#include <stdatomic.h>

#include "base/logger.h"
#include "base/props.h"
#include "env/env.h"
#include "tools/agent/agent.h"
#include "tools/agent/monitor.h"

struct agent_host {
    struct env *env;
    struct logger *logger;      /* borrowed, as what follows */
    const struct props *system; /* values of -D: for ${sys:}, and flume.monitoring.* */
    const char *file;           /* or several, each on a line of its own (agent_config.h) */
    const char *name;           /* of the agent in the file */
    struct agent *agent;        /* NULL = none works */
    struct monitor *monitor;
    struct env_timer look;
    uint64_t seen; /* which files they were at the last look, and how large and old */
    bool rereads;  /* the file, when it changes */
    bool stopping;
    atomic_size_t in_memory; /* agent_in_memory at the last look; any thread may read it */
    char *told;              /* why no agent works, as it was logged last; NULL = it was not */
    void (*stopped)(void *data);
    void *data;
};

void agent_host_init(struct agent_host *host, struct env *env, struct logger *logger,
                     const struct props *system, const char *file, const char *name, bool rereads);
/* Starts what the configuration says, which it takes over, and counters if `system` asks for them.
 * ERR_x with a sentence in `problem`; then nothing works, and what had been started ends in the
 * next turns of the loop. */
int agent_host_start(struct agent_host *host, struct agent_config *config,
                     struct buf *problem) MUST_CHECK;
/* For who goes on without an agent: reads the file and starts it; what is wrong is logged once, and
 * tried again every second. */
void agent_host_follow(struct agent_host *host);
/* Sources end at once, sinks empty the channels (agent_stop); then `stopped` comes, later. */
void agent_host_stop(struct agent_host *host, void (*stopped)(void *data), void *data);
/* After the loop has ended; what still works ends at once. */
void agent_host_close(struct agent_host *host);

#endif
