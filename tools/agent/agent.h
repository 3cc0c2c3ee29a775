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
    /* NULL = it does not work. The groups are those of the configuration, then one for each sink,
     * NULL where the sink is in a group. */
    struct channel **channels;
    struct sink_group **groups;
    size_t groups_count;
    struct source **sources;
    bool broken; /* some part could not be started */
    struct env_timer drain;
    int64_t drain_until_ms;
    void (*stopped)(void *data);
    void *data;
};

/* Channels first, sinks next, sources last. Takes the configuration over, also when it fails: ERR_x
 * with a sentence in `problem`, and nothing of it runs. */
int agent_start(struct env *env, const struct logger *logger, struct agent_config *config,
                struct agent **agent, struct buf *problem) MUST_CHECK;
/* The file has changed: what is as it was goes on, what is new or otherwise is started, what is
 * gone ends. Takes the configuration over. A part that can't be started is logged; agent_mend tries
 * again.
 */
void agent_reload(struct agent *agent, struct agent_config *config);
/* Events in channels that a killed process loses. */
size_t agent_in_memory(const struct agent *agent);
/* Starts what could not be started, if there is any. */
void agent_mend(struct agent *agent);
/* Sources end at once; the sinks go on until the channels that live in memory are empty, for some
 * seconds at most; then `stopped` comes, and the agent is gone. */
void agent_stop(struct agent *agent, void (*stopped)(void *data), void *data);
/* At once: what is in memory is lost, and told. */
void agent_stop_now(struct agent *agent);

#endif
