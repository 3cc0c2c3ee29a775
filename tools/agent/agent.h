/* An agent at work: the parts of one configuration, started and stopped in the right order. */
#ifndef AGENT_AGENT_H
#define AGENT_AGENT_H

#include "base/logger.h"
#include "env/env.h"
#include "tools/agent/agent_config.h"
#include "tools/agent/channel.h"
#include "tools/agent/sink_group.h"
#include "tools/agent/source.h"

struct agent {
    struct env *env;
    struct logger logger;
    struct agent_config *config; /* the agent's own */
    struct channel **channels;   /* as in the configuration */
    struct sink_group **groups;  /* those of the configuration, then one for each sink alone */
    size_t groups_count;
    struct source **sources; /* NULL = stopped */
    struct env_timer drain;
    int64_t drain_until_ms;
    void (*stopped)(void *data);
    void *data;
};

/* Channels first, sinks next, sources last. Takes the configuration over, also when it fails: ERR_x
 * with a sentence in `problem`, and nothing of it runs. */
int agent_start(struct env *env, const struct logger *logger, struct agent_config *config,
                struct agent **agent, struct buf *problem) MUST_CHECK;
/* Sources end at once; the sinks go on until the channels that live in memory are empty, for some
 * seconds at most; then `stopped` comes, and the agent is gone. */
void agent_stop(struct agent *agent, void (*stopped)(void *data), void *data);
/* At once: what is in memory is lost, and told. */
void agent_stop_now(struct agent *agent);

#endif
