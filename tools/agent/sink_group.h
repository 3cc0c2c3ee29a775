/* Sinks at work: one alone, or several that share the work of a channel.
 *
 * - default: the one sink;
 * - failover: the sink with the highest priority works; when it fails, the next one does, and the
 *   failed one is left alone for a time that doubles with each failure;
 * - load_balance: the sinks take turns, one after another or by chance.
 *
 * A group takes events as soon as there are some and a sink has room for another take, so latency
 * does not depend on the size of a batch. Takes that failed go back into the channel when none of
 * that sink is under way any more, the newest first: their order stays. */
#ifndef AGENT_SINK_GROUP_H
#define AGENT_SINK_GROUP_H

#include "tools/agent/sink.h"

struct sink_setup {
    const struct part *part;
    struct channel *channel;
    int64_t priority; /* of failover */
};

struct sink_group_setup {
    const char *name;
    const struct part *processor; /* NULL: one sink, which is in no group */
    const struct sink_setup *sinks;
    size_t sinks_count;
};

/* Starts the sinks. All is borrowed, and outlives the group. ERR_x with a sentence in `problem`. */
int sink_group_start(struct env *env, const struct logger *logger,
                     const struct sink_group_setup *setup, struct sink_group **group,
                     struct buf *problem) MUST_CHECK;
/* Ends at once; what is under way goes back into the channels. */
void sink_group_stop(struct sink_group *group);
/* The i-th sink, NULL past the end. */
struct sink *sink_group_sink(struct sink_group *group, size_t i);

#endif
