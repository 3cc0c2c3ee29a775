/* The broker's state, written into its log for a person who looks at a broker that misbehaves.
 *
 * A dump is some lines about the whole and one for each replica, those in trouble first, at most
 * STATE_DUMP_PARTITIONS_MAX of them. It looks at a hundred replicas in a turn of the loop,
 * so that the broker serves meanwhile; what changes meanwhile may be missing. The lines come at any
 * level of the log: somebody asked for them. */
#ifndef BROKER_STATE_DUMP_H
#define BROKER_STATE_DUMP_H

#include <stdbool.h>
#include <stddef.h>

#include "base/logger.h"
#include "broker/replica/partition_ops.h"
#include "env/env.h"

/* Some 200 KB of lines: enough to see a pattern in, and no log is drowned. */
enum { STATE_DUMP_PARTITIONS_MAX = 1000 };

struct broker;

struct state_dump {
    struct broker *broker;
    struct logger logger;
    struct env_timer timer;
    struct partition_lines_op lines; /* of the replicas looked at in this turn */
    bool running;
    size_t told;
    size_t counts[4]; /* by enum partition_state */
};

void state_dump_init(struct state_dump *dump, struct broker *broker);
/* Begins one; while one is under way, nothing but a line that says so. */
void state_dump_start(struct state_dump *dump);
void state_dump_close(struct state_dump *dump);

#endif
